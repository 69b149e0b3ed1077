import { faultPoint } from '../../../base/fault-point.ts';
import { saidBy, type Git } from '../../git/git.ts';
import { findCommit, listWorktrees } from '../../git/questions.ts';
import { configured } from '../../git/rebase.ts';
import { inTheWay } from './completion-refusals.ts';

export interface Move {
  into: string;
  /** Where it must stand. */
  from: string;
  commit: string;
  /** Said in the reflog. */
  reason: string;
  env: Record<string, string>;
}

/** What people want of their own merges, such as a squash, is not to happen here. */
const unlike = { 'submodule.recurse': 'false', 'merge.log': 'false', 'pull.twohead': 'ort' };
/** Neither an ignored file nor what git would put aside for a moment may be lost, whatever the configuration says. */
const carefully = ['--ff-only', '--no-autostash', '--no-overwrite-ignore', '--quiet'];

/**
 * Moves a branch from one commit to a descendant of it; where it is checked out the files go with it. Answers false
 * when it stands somewhere else by now. Throws UNSAFE when that would overwrite work; then nothing has moved.
 */
export async function moveTarget(git: Git, commonDir: string, move: Move): Promise<boolean> {
  const { into, from, commit, reason, env } = move;
  const ref = `refs/heads/${into}`;
  const isAt = async (wanted: string) => (await findCommit(git, commonDir, ref)) === wanted;
  if (!(await isAt(from))) return false;
  const checkout = (await listWorktrees(git, commonDir)).find(({ branch }) => branch === into)?.path;
  faultPoint('complete: moving');
  try {
    if (checkout === undefined) {
      const change = ['update-ref', '-m', reason, ref, commit, from];
      await git.locked(commonDir, () => git.write(commonDir, change, env));
    } else {
      const said = {
        ...env,
        ...configured({ ...unlike, [`branch.${into}.mergeOptions`]: '' }),
        GIT_REFLOG_ACTION: reason,
      };
      await git.writeFiles(checkout, ['merge', ...carefully, '--end-of-options', commit], said);
    }
  } catch (error) {
    if (!(await isAt(from))) return isAt(commit);
    const said = saidBy(error);
    if (checkout !== undefined && /would be (overwritten|removed) by merge|would lose untracked/.test(said))
      throw inTheWay({ into, checkout }, filesIn(said));
    throw error;
  }
  return isAt(commit);
}

/** Git lists them, each on a line that begins with a tab. */
const filesIn = (said: string): string[] => [...said.matchAll(/^\t(?<file>.+)$/gm)].map(([, file = '']) => file);
