import { forChild } from '../base/environment.ts';
import type { Params } from '../contract/index.ts';
import { Announcer } from './announcer.ts';
import { carryOut, commandOf, unstartable } from './carry-out.ts';
import type { Handler } from './command.ts';
import { findErrorName, toFailure } from './failure.ts';
import { printJson, withProgress, type Session } from './session.ts';

/** `wtd exec`: the run of a plan in this terminal. It goes on when the daemon goes away, and ends as the command does. */
export const execPlan: Handler = async ({ values }, session) => {
  const command = [...commandOf(values, session.env)];
  const asked = { ...values, command, pid: process.pid } as Params<'run.register'>;
  await using announcer = new Announcer(session);
  const { run, cwd, env } = await withProgress(session.terminal, 'making the worktree', announcer.register(asked));
  const stdio = ['inherit', session.json ? 2 : 'inherit', 'inherit'] as const;
  const surroundings = { cwd, env: { ...forChild(session.env), ...env }, stdio: [...stdio] };
  const { exitCode, cause } = await carryOut(command, surroundings, (pid) => {
    announcer.startBeating(pid);
  });
  await reportEnd(announcer, exitCode, { session, run, isQuiet: cause !== undefined });
  if (cause === undefined) return exitCode;
  throw unstartable(command, cause);
};

interface Report {
  session: Session;
  run: string;
  /** An error about the command itself follows. */
  isQuiet: boolean;
}

/** The command's exit counts, whether or not the daemon heard of it. */
async function reportEnd(announcer: Announcer, exitCode: number, { session, run, isQuiet }: Report): Promise<void> {
  const { terminal, json } = session;
  try {
    const ended = await announcer.finish(exitCode);
    if (json && !isQuiet) await printJson(terminal, ended);
  } catch (error) {
    if (json && !isQuiet) await printJson(terminal, { error: toFailure(error) });
    else if (findErrorName(error) === 'UNAVAILABLE') {
      terminal.say(`wtd: no daemon answered, so the end of run ${run} is not recorded\n`);
    }
  }
}
