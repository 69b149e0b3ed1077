import type { Result } from '../contract/index.ts';
import { callMethod, printAnswer } from './call.ts';
import type { Handler } from './command.ts';
import { CommandError, findErrorName } from './failure.ts';
import { plain } from './format.ts';
import { connectFor, printJson, withProgress } from './session.ts';
import { table } from './table.ts';

type Failed = Result<'worktree.create'>['failed'][number];

/** `wtd worktree create`: what was made and what was not; exit 0 only if all were made and set up. */
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
  const unusable = created.filter(({ setup }) => setup?.state === 'failed');
  for (const { path, setup } of json ? [] : unusable) {
    const printed = setup?.logPath ? `; what it printed is in ${setup.logPath}` : '';
    terminal.say(plain(`wtd: ${path} could not be set up: ${setup?.detail ?? ''}${printed}`) + '\n');
  }
  if (failed.length === 0) return unusable.length === 0 ? 0 : 1;
  return isOnlyOne ? (table.errors[nameOf(only)]?.exit ?? 1) : 1;
};

const nameOf = ({ error }: Failed) => findErrorName({ data: error }) ?? 'INTERNAL';

/** `wtd worktree status`: all of them, or one. */
export const showWorktrees: Handler = ({ command, values }, session) => {
  const method = values['worktree'] === undefined ? 'worktree.list' : 'worktree.show';
  return callMethod({ command: { ...command, method }, values }, session);
};
