import { faultPoint } from '../../base/fault-point.ts';
import type { Git } from '../git/git.ts';
import { findCommit } from '../git/questions.ts';

/** Deletes a branch that still stands at this commit. Answers whether it is gone; the caller holds the lock. */
export async function deleteBranchAt(
  git: Git,
  commonDir: string,
  { branch, commit }: { branch: string; commit: string },
): Promise<boolean> {
  const ref = `refs/heads/${branch}`;
  const tip = await findCommit(git, commonDir, ref);
  // One that is gone may be gone because of a daemon that died right here.
  const deleted = tip === undefined || (tip === commit && (await deleteRef(git, commonDir, { ref, commit })));
  faultPoint('remove: branch deleted');
  if (deleted) await git.ask(commonDir, ['config', '--remove-section', `branch.${branch}`]);
  return deleted;
}

/** The old value is compared by git, so a commit that comes in between is kept. */
function deleteRef(git: Git, commonDir: string, { ref, commit }: { ref: string; commit: string }): Promise<boolean> {
  return git.write(commonDir, ['update-ref', '-d', ref, commit]).then(
    () => true,
    () => false,
  );
}
