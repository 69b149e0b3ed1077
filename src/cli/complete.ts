import { printAnswer } from './call.ts';
import type { Handler } from './command.ts';
import { connectFor, withProgress } from './session.ts';

/** `wtd complete`: exit 0 only if everything was merged that was to be. */
export const completePlans: Handler = async ({ command, values }, session) => {
  await using client = await connectFor('plan.complete', session);
  const asked = client.call('plan.complete', values);
  const answer = await withProgress(session.terminal, `wtd ${command.name}`, asked);
  await printAnswer('plan.complete', answer, session);
  const { plans, warnings } = answer;
  const isNothingLeft = plans.length > 0 || warnings.length === 0;
  return plans.some(({ state }) => state === 'failed') || !isNothingLeft ? 1 : 0;
};
