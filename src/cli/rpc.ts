import { callMethod } from './call.ts';
import type { Handler } from './command.ts';
import { usageError } from './failure.ts';
import { connectFor, printJson } from './session.ts';
import { findMethod } from './table.ts';

/** `wtd rpc`: any method as it stands on the wire, for scripts without a socket. */
export const callRaw: Handler = async ({ command, values: { method, params } }, session) => {
  const name = method as string;
  const sent = params === undefined ? {} : parseJson(params as string);
  if (findMethod(name)?.stream) {
    return callMethod({ command: { ...command, method: name }, values: sent }, { ...session, json: true });
  }
  await using client = await connectFor(name, session);
  await printJson(session.terminal, await client.raw(name, sent));
  return 0;
};

function parseJson(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    const hint = `give one JSON object, as in: wtd rpc plan.show '{"plan":"name"}'`;
    throw usageError(`the parameters are not JSON: ${(error as Error).message}`, hint);
  }
}
