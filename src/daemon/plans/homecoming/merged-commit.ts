import type { MergeStrategy } from '../../../contract/models.ts';
import { saidBy, type Git } from '../../git/git.ts';
import { findMergePlaces } from '../../git/merge-places.ts';
import { TrialObjects } from '../../git/trial-merges.ts';
import type { RepositoryRow } from '../../registry/rows.ts';
import { nobody } from './completion-refusals.ts';

interface Wanted {
  from: string;
  tip: string;
  strategy: MergeStrategy;
  message: string;
  /** Who says so, and where what is written goes. */
  env: Record<string, string>;
  /** Where things may lie for a moment. */
  trials: string;
}

const identityVariables = ['GIT_AUTHOR_NAME', 'GIT_AUTHOR_EMAIL', 'GIT_COMMITTER_NAME', 'GIT_COMMITTER_EMAIL', 'EMAIL'];

/** What the caller's environment says of who commits; where it is silent git's configuration does. Pure. */
export const identityIn = (env: Readonly<Record<string, string>> | undefined): Record<string, string> =>
  Object.fromEntries(Object.entries(env ?? {}).filter(([name]) => identityVariables.includes(name)));

/** The commit that a target becomes, made without a checkout. Throws INVALID_STATE when nobody is there to commit it. */
export async function makeMergedCommit(git: Git, repository: RepositoryRow, wanted: Wanted): Promise<string> {
  const { from, tip, strategy, message, env } = wanted;
  if (strategy === 'ff') return tip;
  const { commonDir } = repository;
  const tree = await mergeTrees(git, commonDir, wanted);
  const parents = strategy === 'squash' ? [from] : [from, tip];
  // Made up from the names of the user and the machine, an identity would be nobody's.
  const commit = ['-c', 'user.useConfigOnly=true', 'commit-tree', tree, ...parents.flatMap((each) => ['-p', each])];
  try {
    return await git.write(commonDir, [...commit, '-m', message], env);
  } catch (error) {
    if (/Please tell me who you are|auto-detection is disabled|empty ident name/.test(saidBy(error)))
      throw nobody(repository);
    throw error;
  }
}

/** As it was tried. */
async function mergeTrees(git: Git, commonDir: string, { from, tip, env, trials }: Wanted): Promise<string> {
  await using scratch = await TrialObjects.open(trials, commonDir);
  const places = await findMergePlaces(git, commonDir, { commits: [from], scratch: scratch.directory, env });
  const place = places.get(from) ?? { directory: commonDir, env };
  const merge = ['merge-tree', '--write-tree', '--allow-unrelated-histories', from, tip];
  return (await git.write(place.directory, merge, { ...place.env })).split('\n')[0] ?? '';
}
