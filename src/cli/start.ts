import type { Client } from '../client/client.ts';
import type { Params } from '../contract/index.ts';
import type { Plan, Run } from '../contract/models.ts';
import { printAnswer, viewOf } from './call.ts';
import type { Handler } from './command.ts';
import { describeStart, exitCodeOfRun } from './run-text.ts';
import { connectFor, printJson, withProgress, type Session } from './session.ts';

/** `wtd start`: says where the plan runs; with `--wait` it also ends as the command did. */
export const startPlan: Handler = async ({ values: { wait, ...params } }, session) => {
  const { terminal, json } = session;
  await using client = await connectFor('plan.start', session);
  const asked = client.call('plan.start', params as Params<'plan.start'>);
  let run = await withProgress(terminal, 'starting the plan', asked);
  if (!json) await tellStart(client, run, session);
  const isOver = run.endedAt !== null;
  if (wait === true && !isOver) {
    run = await withProgress(terminal, `waiting for ${run.plan}`, client.call('plan.wait', { run: run.id }));
    if (!json) await printAnswer('plan.wait', run, session);
  }
  if (json) await printJson(terminal, run);
  return wait === true ? exitCodeOfRun(run) : exitCodeOfStart(run);
};

/** `wtd restart`: the same words as `wtd start`. */
export const restartPlan: Handler = async ({ values }, session) => {
  const { terminal, json } = session;
  await using client = await connectFor('plan.restart', session);
  const asked = client.call('plan.restart', values as Params<'plan.restart'>);
  const run = await withProgress(terminal, 'starting the plan again', asked);
  await (json ? printJson(terminal, run) : tellStart(client, run, session));
  return exitCodeOfStart(run);
};

const exitCodeOfStart = (run: Run): number => (run.reason === 'spawn' ? exitCodeOfRun(run) : 0);

const tellStart = async (client: Client, run: Run, session: Session): Promise<void> =>
  session.terminal.print(describeStart(run, await findPlan(client, run), viewOf(session)));

/** The ports are the plan's, not the run's; without them the answer is still an answer. */
async function findPlan(client: Client, { plan, repository }: Run): Promise<Plan | null> {
  try {
    return await client.call('plan.show', { plan, repository });
  } catch {
    return null;
  }
}
