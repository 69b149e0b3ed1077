/** Times are milliseconds since the epoch; JSON columns end in nothing special but are checked by json_valid. */
export const first = `
CREATE TABLE repositories (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  path TEXT NOT NULL,
  common_dir TEXT NOT NULL UNIQUE,
  default_branch TEXT,
  description TEXT,
  channels TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(channels)),
  trusted INTEGER NOT NULL DEFAULT 0,
  added_at INTEGER NOT NULL
) STRICT;

CREATE TABLE worktrees (
  id TEXT PRIMARY KEY,
  repository_id TEXT NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  branch TEXT,
  branch_made INTEGER NOT NULL,
  base TEXT,
  base_commit TEXT NOT NULL,
  path TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('plan', 'named', 'pool', 'session', 'adopted')),
  state TEXT NOT NULL CHECK (state IN ('creating', 'available', 'in_use', 'cleaning', 'failed', 'removed')),
  declared TEXT NOT NULL DEFAULT 'active' CHECK (declared IN ('active', 'merged', 'abandoned', 'error')),
  task TEXT,
  port_start INTEGER,
  port_end INTEGER,
  use_count INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  last_used_at INTEGER,
  removed_at INTEGER
) STRICT;
CREATE UNIQUE INDEX worktrees_name ON worktrees (repository_id, name) WHERE state <> 'removed';
CREATE UNIQUE INDEX worktrees_path ON worktrees (path) WHERE state <> 'removed';
CREATE UNIQUE INDEX worktrees_ports ON worktrees (port_start) WHERE state <> 'removed' AND port_start IS NOT NULL;

CREATE TABLE plans (
  id TEXT PRIMARY KEY,
  repository_id TEXT NOT NULL REFERENCES repositories (id),
  name TEXT NOT NULL,
  branch TEXT NOT NULL,
  base TEXT,
  base_commit TEXT,
  file TEXT,
  command TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(command)),
  depends_on TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(depends_on)),
  worktree_id TEXT REFERENCES worktrees (id) ON DELETE SET NULL,
  last_attempt INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  last_activity_at INTEGER NOT NULL,
  UNIQUE (repository_id, name)
) STRICT;

CREATE TABLE runs (
  id TEXT PRIMARY KEY,
  plan_id TEXT NOT NULL REFERENCES plans (id) ON DELETE CASCADE,
  attempt INTEGER NOT NULL,
  executor TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('supervised', 'registered')),
  state TEXT NOT NULL CHECK (state IN ('queued', 'starting', 'running', 'paused', 'stopping', 'succeeded', 'failed', 'stopped', 'lost')),
  reason TEXT,
  command TEXT NOT NULL CHECK (json_valid(command)),
  worktree_id TEXT REFERENCES worktrees (id) ON DELETE SET NULL,
  cwd TEXT,
  boot_id TEXT,
  pid INTEGER,
  process_start TEXT,
  parent_pid INTEGER,
  parent_start TEXT,
  token_hash TEXT,
  stop_force INTEGER,
  queued_at INTEGER NOT NULL,
  started_at INTEGER,
  ended_at INTEGER,
  exit_code INTEGER,
  signal TEXT,
  peak TEXT CHECK (peak IS NULL OR json_valid(peak)),
  last_heartbeat_at INTEGER,
  UNIQUE (plan_id, attempt)
) STRICT;
-- Never twice: at most one active run of a plan, whatever the program does.
CREATE UNIQUE INDEX runs_active ON runs (plan_id) WHERE state IN ('queued', 'starting', 'running', 'paused', 'stopping');
CREATE INDEX runs_state ON runs (state, queued_at);
CREATE INDEX runs_ended ON runs (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE events (
  seq INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  type TEXT NOT NULL,
  repository TEXT,
  plan TEXT,
  run TEXT,
  worktree TEXT,
  data TEXT NOT NULL CHECK (json_valid(data))
) STRICT;
`;
