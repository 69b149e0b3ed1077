import type { Git } from '../git/git.ts';
import { findCommit } from '../git/questions.ts';

/** Deletes a branch that still stands at this commit. Answers whether it did; the caller holds the lock. */
export async function deleteBranchAt(
  git: Git,
  commonDir: string,
  { branch, commit }: { branch: string; commit: string },
): Promise<boolean> {
  const ref = `refs/heads/${branch}`;
  if ((await findCommit(git, commonDir, ref)) !== commit) return false;
  // The old value is compared by git, so a commit that comes in between is kept.
  const deleted = await git.write(commonDir, ['update-ref', '-d', ref, commit]).then(
    () => true,
    () => false,
  );
  if (deleted) await git.ask(commonDir, ['config', '--remove-section', `branch.${branch}`]);
  return deleted;
}
