import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Git } from '../git/git.ts';

/** What wtd writes there for a plan; a repository's own `.gitignore` may bring back what `info/exclude` hides. */
export const contextFiles = { ignore: '.gitignore', currentPlan: 'current-plan.txt', status: 'status.json' } as const;

/** In each worktree that has a plan; git sees it in none. */
export const contextDirectory = '.claude-context';

/** Takes the notes of one plan out of a worktree that outlives it; what is in the repository's history stays. */
export async function giveContextBack(git: Git, worktree: string, env: Record<string, string> = {}): Promise<void> {
  const paths = Object.values(contextFiles).map((file) => `${contextDirectory}/${file}`);
  await git.writeFiles(worktree, ['clean', '--quiet', '-fdx', '--', ...paths], env);
  await rmdir(join(worktree, contextDirectory)).catch(() => undefined); // others may have something in it
}
