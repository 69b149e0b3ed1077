import { printAnswer } from './call.ts';
import type { Handler } from './command.ts';
import { connectFor, withProgress } from './session.ts';

/** `wtd doctor`: exit 0 when nothing is left to mend, else 1. */
export const seeDoctor: Handler = async ({ command, values }, session) => {
  await using client = await connectFor('daemon.doctor', session);
  const call = client.call('daemon.doctor', values);
  const diagnosis = await withProgress(session.terminal, `wtd ${command.name}`, call);
  await printAnswer('daemon.doctor', diagnosis, session);
  return diagnosis.findings.every(({ repaired }) => repaired) ? 0 : 1;
};
