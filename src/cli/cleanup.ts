import { printAnswer } from './call.ts';
import type { Handler } from './command.ts';
import { connectFor, withProgress } from './session.ts';

/** `wtd cleanup` tells what would go; with `--execute` it goes, and the exit code is 1 when something could not. */
export const cleanUp: Handler = async ({ command, values: { execute, ...params } }, session) => {
  const name = execute === true ? 'cleanup.run' : 'cleanup.plan';
  await using client = await connectFor(name, session);
  const call = client.call(name, params);
  const answer = await withProgress(session.terminal, `wtd ${command.name}`, call);
  await printAnswer(name, answer, session);
  return 'errors' in answer && answer.errors.length > 0 ? 1 : 0;
};
