import type { Result } from '../contract/index.ts';
import { callMethod, printAnswer } from './call.ts';
import type { Handler } from './command.ts';
import { CommandError, findErrorName } from './failure.ts';
import { connectFor, printJson, withProgress } from './session.ts';
import { table } from './table.ts';

type Failed = Result<'worktree.create'>['failed'][number];

/** `wtd worktree create`: what was made and what was not; exit 0 only if all were made. */
export const createWorktrees: Handler = async ({ values }, session) => {
  const { terminal, json } = session;
  await using client = await connectFor('worktree.create', session);
  const asked = client.raw('worktree.create', values) as Promise<Result<'worktree.create'>>;
  const answer = await withProgress(terminal, 'making worktrees', asked);
  const { created, failed } = answer;
  const [only] = failed;
  const isOnlyOne = only !== undefined && failed.length === 1 && created.length === 0;
  if (json) await printJson(terminal, answer);
  else if (isOnlyOne) throw new CommandError(only.error.message, { ...only.error, code: nameOf(only) });
  else {
    if (created.length > 0) await printAnswer('worktree.list', { worktrees: created }, session);
    if (failed.length > 0) await printAnswer('worktree.create', { failed }, session);
  }
  if (failed.length === 0) return 0;
  return isOnlyOne ? (table.errors[nameOf(only)]?.exit ?? 1) : 1;
};

const nameOf = ({ error }: Failed) => findErrorName({ data: error }) ?? 'INTERNAL';

/** `wtd worktree status`: all of them, or one. */
export const showWorktrees: Handler = ({ command, values }, session) => {
  const method = values['worktree'] === undefined ? 'worktree.list' : 'worktree.show';
  return callMethod({ command: { ...command, method }, values }, session);
};
