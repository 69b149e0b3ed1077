import type { Params } from '../contract/index.ts';
import { printAnswer } from './call.ts';
import type { Handler } from './command.ts';
import { connectFor, withProgress } from './session.ts';

/** `wtd shutdown`: over when the daemon is gone, so that the next command meets another one. */
export const shutDown: Handler = async ({ values: { stopRuns, ...params } }, session) => {
  const asked = (stopRuns === true ? { runs: 'stop' } : params) as Params<'daemon.shutdown'>;
  await using client = await connectFor('daemon.shutdown', session);
  const end = client.call('daemon.shutdown', asked).then(async (answer) => {
    await client.closed;
    return answer;
  });
  await printAnswer(
    'daemon.shutdown',
    await withProgress(session.terminal, 'waiting for the daemon to end', end),
    session,
  );
  return 0;
};
