import type { Params, Result } from '../contract/index.ts';
import type { Handler } from './command.ts';
import { plain } from './format.ts';
import { connectFor, printJson, withProgress } from './session.ts';

/** `wtd rebase`: exit 1 while conflicts wait to be resolved. */
export const rebasePlan: Handler = async ({ values }, session) => {
  const { terminal, json } = session;
  const params = values as Params<'plan.rebase'>;
  await using client = await connectFor('plan.rebase', session);
  const answer = await withProgress(terminal, 'rebasing the plan', client.call('plan.rebase', params));
  await (json ? printJson(terminal, answer) : terminal.print(describeRebase(answer, params)));
  return answer.conflicts.length === 0 ? 0 : 1;
};

function describeRebase({ rebased, conflicts }: Result<'plan.rebase'>, { plan, abort }: Params<'plan.rebase'>): string {
  if (rebased) return `${plan} is rebased\n`;
  if (abort === true) return `the rebase of ${plan} is taken back; a snapshot keeps what was resolved\n`;
  if (conflicts.length === 0) return `${plan} stands on its base as that is now; nothing was to be done\n`;
  const files = conflicts.map(({ path, kind }) => `  ${plain(path)} (${kind})\n`).join('');
  const next = 'edit them in its worktree, then `git add` them and run `git rebase --continue`';
  return `${plan} has conflicts:\n${files}${next};\nor take all of it back with: wtd rebase ${plan} --abort\n`;
}
