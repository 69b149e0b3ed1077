import { forChild } from '../../base/environment.ts';
import type { PlanRow, RepositoryRow, RunRow, WorktreeRow } from '../registry/rows.ts';

interface About {
  run: RunRow;
  plan: PlanRow;
  repository: RepositoryRow;
  worktree: WorktreeRow;
  socket: string;
}

/** What a run is told about itself. */
export function runVariables({ run, plan, repository, worktree, socket }: About): Record<string, string> {
  const ports: Record<string, string> =
    worktree.portStart === null || worktree.portEnd === null
      ? {}
      : {
          WTD_PORT_START: String(worktree.portStart),
          WTD_PORT_END: String(worktree.portEnd),
          PORT: String(worktree.portStart),
        };
  return {
    WTD_PLAN: plan.name,
    WTD_RUN: run.id,
    WTD_REPOSITORY: repository.name,
    WTD_WORKTREE: worktree.path,
    CLAUDE_WORKTREE: worktree.path,
    WTD_FENCE: String(run.attempt),
    WTD_SOCKET: socket,
    ...ports,
  };
}

/** The caller's environment, without what binds it to another run, service or repository, and what the run is told. */
export const runEnvironment = (
  callers: Readonly<Record<string, string | undefined>>,
  about: About,
): Record<string, string> => ({ ...forChild(callers), ...runVariables(about) });
