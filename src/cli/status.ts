import { callMethod, viewOf } from './call.ts';
import type { Handler } from './command.ts';
import { connectFor } from './session.ts';
import { formatStatus } from './status-view.ts';

const clearScreen = '\u001b[H\u001b[J';

/** `wtd status`; with `--watch` again whenever it changes, on a terminal always at the same place. */
export const showStatus: Handler = async ({ command, values: { watch, ...params } }, session) => {
  if (watch !== true) return callMethod({ command, values: params }, session);
  const { terminal, json } = session;
  const isRedrawn = terminal.isInteractive && !json;
  if (!isRedrawn) return callMethod({ command: { ...command, method: 'status.watch' }, values: params }, session);
  await using client = await connectFor('status.watch', session);
  for await (const picture of client.stream('status.watch', params)) {
    await terminal.print(`${clearScreen}${await formatStatus(picture, viewOf(session))}`);
  }
  return 0;
};
