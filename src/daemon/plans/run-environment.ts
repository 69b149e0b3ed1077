import { forChild, worktreeVariables } from '../../base/environment.ts';
import type { PlanRow, RepositoryRow, RunRow, WorktreeRow } from '../registry/rows.ts';
import { portsOf } from '../worktrees/ports.ts';

interface About {
  run: RunRow;
  plan: PlanRow;
  repository: RepositoryRow;
  worktree: WorktreeRow;
  socket: string;
}

/** What a run is told about itself. */
export function runVariables({ run, plan, repository, worktree, socket }: About): Record<string, string> {
  return {
    WTD_PLAN: plan.name,
    WTD_RUN: run.id,
    WTD_FENCE: String(run.attempt),
    ...worktreeVariables({ repository: repository.name, path: worktree.path, ports: portsOf(worktree), socket }),
  };
}

/** The caller's environment, without what binds it to another run, service or repository, and what the run is told. */
export const runEnvironment = (
  callers: Readonly<Record<string, string | undefined>>,
  about: About,
): Record<string, string> => ({ ...forChild(callers), ...runVariables(about) });
