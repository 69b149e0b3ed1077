import type { RepositoryRow, WorktreeRow } from '../registry/rows.ts';

/** What every process that wtd starts in a worktree is told about it. */
export function worktreeVariables(
  repository: RepositoryRow,
  worktree: WorktreeRow,
  socket: string,
): Record<string, string> {
  const ports: Record<string, string> =
    worktree.portStart === null || worktree.portEnd === null
      ? {}
      : {
          WTD_PORT_START: String(worktree.portStart),
          WTD_PORT_END: String(worktree.portEnd),
          PORT: String(worktree.portStart),
        };
  return {
    WTD_REPOSITORY: repository.name,
    WTD_WORKTREE: worktree.path,
    CLAUDE_WORKTREE: worktree.path,
    WTD_SOCKET: socket,
    ...ports,
  };
}
