/** Leases and snapshots, and what worktrees and repositories need to know for them. */
export const worktreeEngine = `
ALTER TABLE repositories ADD COLUMN trusted_hash TEXT;
ALTER TABLE worktrees ADD COLUMN pr TEXT CHECK (pr IS NULL OR json_valid(pr));
ALTER TABLE worktrees ADD COLUMN setup TEXT CHECK (setup IS NULL OR json_valid(setup));
ALTER TABLE worktrees ADD COLUMN snapshot_id TEXT;
ALTER TABLE worktrees ADD COLUMN removal TEXT CHECK (removal IS NULL OR json_valid(removal));
ALTER TABLE worktrees ADD COLUMN fence INTEGER NOT NULL DEFAULT 0;

CREATE TABLE leases (
  id TEXT PRIMARY KEY,
  repository_id TEXT NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
  worktree_id TEXT NOT NULL REFERENCES worktrees (id) ON DELETE CASCADE,
  fence INTEGER NOT NULL,
  holder TEXT NOT NULL,
  branch TEXT,
  bind TEXT NOT NULL CHECK (bind IN ('none', 'connection')),
  source TEXT NOT NULL CHECK (source IN ('new', 'pool', 'named', 'reused')),
  duration_ms REAL NOT NULL,
  acquired_at INTEGER NOT NULL,
  expires_at INTEGER,
  released_at INTEGER,
  outcome TEXT CHECK (outcome IN ('done', 'failed'))
) STRICT;
-- Never two holders of one worktree, whatever the program does.
CREATE UNIQUE INDEX leases_live ON leases (worktree_id) WHERE released_at IS NULL;
CREATE INDEX leases_repository ON leases (repository_id, acquired_at);

CREATE TABLE snapshots (
  id TEXT PRIMARY KEY,
  repository_id TEXT NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
  worktree_id TEXT REFERENCES worktrees (id) ON DELETE SET NULL,
  name TEXT NOT NULL,
  branch TEXT,
  base TEXT,
  base_commit TEXT NOT NULL,
  "commit" TEXT NOT NULL,
  reason TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX snapshots_repository ON snapshots (repository_id, created_at);
`;
