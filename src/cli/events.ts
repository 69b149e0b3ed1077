import { callMethod } from './call.ts';
import type { Handler } from './command.ts';
import { usageError } from './failure.ts';

/** `wtd events` lists, `wtd events -f` follows. */
export const showEvents: Handler = async ({ command, values: { follow, ...params } }, session) => {
  if (follow === true && params['limit'] !== undefined) {
    throw usageError('--limit does not go with --follow', 'leave one of them out');
  }
  const method = follow === true ? 'event.watch' : 'event.list';
  return callMethod({ command: { ...command, method }, values: params }, session);
};
