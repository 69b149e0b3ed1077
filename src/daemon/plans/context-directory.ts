import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Where the worktree's tools find which plan they are in; git does not see it. */
const contextDirectory = '.claude-context';

/** Keeps `current-plan.txt`: the plan file's path within the repository and a newline. */
export async function writeCurrentPlan(worktree: string, file: string | null): Promise<void> {
  const current = join(worktree, contextDirectory, 'current-plan.txt');
  if (file === null) {
    await rm(current, { force: true });
    return;
  }
  await mkdir(join(worktree, contextDirectory), { recursive: true });
  await writeFile(current, `${file}\n`);
}
