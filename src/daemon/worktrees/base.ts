import { WtdError } from '../../contract/errors.ts';
import type { Git } from '../git/git.ts';
import { findCommit, hasCommits } from '../git/questions.ts';
import type { RepositoryRow } from '../registry/rows.ts';

/**
 * The commit a new branch starts from, and what to call it: never guessed. Throws NOT_FOUND, INVALID_PARAMS when nothing
 * says which one, or INVALID_STATE without any commit.
 */
export async function requireBase(
  git: Git,
  repository: RepositoryRow,
  wanted: string | null,
): Promise<{ base: string; commit: string }> {
  const base = wanted ?? repository.defaultBranch;
  const commit = base === null ? undefined : await findCommit(git, repository.commonDir, base);
  if (base !== null && commit !== undefined) return { base, commit };
  if (!(await hasCommits(git, repository.commonDir))) throw unborn(repository);
  throw base === null ? noBase(repository) : unknownBase(repository, base);
}

const unborn = ({ name, path }: RepositoryRow): WtdError =>
  new WtdError('INVALID_STATE', `the repository ${name} has no commits yet`, {
    hint: `make a first commit in ${path}`,
    state: 'unborn',
    allowed: ['at least one commit'],
  });

const noBase = ({ name, path }: RepositoryRow): WtdError =>
  new WtdError('INVALID_PARAMS', `base: ${name} has no default branch, so nothing says where to start`, {
    hint: `name an existing branch or commit, or set it with \`wtd repo update ${path} --default-branch <branch>\``,
    issues: [{ path: 'base', message: 'is required: the repository has no default branch' }],
  });

const unknownBase = ({ name, path }: RepositoryRow, base: string): WtdError =>
  new WtdError('NOT_FOUND', `there is no branch or commit ${base} in ${name}`, {
    hint: `name one that exists: see \`git -C ${path} branch --all\``,
    kind: 'base',
    name: base,
  });
