import { printAnswer } from './call.ts';
import type { Handler } from './command.ts';
import { connectFor, printJson, withProgress } from './session.ts';

/** `wtd wait`: several plans at once; exit 0 only if all of them succeeded. */
export const waitForPlans: Handler = async ({ values: { plan, ...params } }, session) => {
  const { terminal, json } = session;
  const plans = (plan as string[] | undefined) ?? [undefined];
  await using client = await connectFor('plan.wait', session);
  const ends = plans.map((name) => client.call('plan.wait', { ...params, ...(name !== undefined && { plan: name }) }));
  const runs = await withProgress(terminal, `waiting for ${plans.join(', ')}`, Promise.all(ends));
  if (json) await printJson(terminal, runs.length === 1 ? runs[0] : { runs });
  else for (const run of runs) await printAnswer('plan.wait', run, session);
  return runs.every(({ state }) => state === 'succeeded') ? 0 : 1;
};
