import type { Result } from '../contract/index.ts';
import { formatValue } from './format.ts';

type Answer = Result<'plan.complete'>;

/** What was merged, or the steps that would be taken; then who waited for it. */
export function describeCompletion({ plans, steps, dependants, warnings, pr }: Answer): string {
  const isPlanned = plans.some(({ state }) => state === 'planned');
  const isRequest = steps.some(({ kind }) => kind === 'pull_request');
  const lines = [
    ...(plans.length === 0 ? ['no plan is there to be merged'] : []),
    ...plans.flatMap((each) => [
      describePlan(each, { pr, isRequest }),
      ...(isPlanned
        ? steps.filter(({ plan }) => plan === each.plan).map(({ detail }, at) => `  ${at + 1}. ${formatValue(detail)}`)
        : []),
    ]),
    ...dependants.map(({ plan, state, needs }) => `${plan} (${state}) needs ${formatValue(needs)}`),
    ...warnings.map((warning) => `warning: ${formatValue(warning)}`),
  ];
  return `${lines.join('\n')}\n`;
}

function describePlan(
  { plan, state, into, commit, archive, error }: Answer['plans'][number],
  { pr, isRequest }: Pick<Answer, 'pr'> & { isRequest: boolean },
): string {
  const target = formatValue(into);
  switch (state) {
    case 'merged': {
      const kept = archive === null ? '' : `; what its branch was is kept as the tag ${archive}`;
      return `${plan} is merged into ${target} as ${commit?.slice(0, 10) ?? '-'}${kept}`;
    }
    case 'planned':
      return isRequest
        ? `the merge of ${plan} into ${target} would be asked for; nothing has changed:`
        : `${plan} would be merged into ${target}; nothing has changed:`;
    case 'requested':
      return `the merge of ${plan} into ${target} is asked for: ${formatValue(pr?.url)}`;
    case 'failed':
      return `${plan} was not merged: ${formatValue(error?.message)}\n  ${formatValue(error?.hint)}`;
    case 'untried':
      return `${plan} was not tried`;
  }
}
