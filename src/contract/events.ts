/** Every type of event the journal can hold, with what its `data` says. */
export const eventTypes = {
  'daemon.started': 'A daemon took over: { pid, version, adopted }.',
  'daemon.reloaded': 'The configuration was read again.',
  'daemon.stopping': 'The daemon is about to end: { runs: keep | stop }.',
  'registry.rebuilt':
    'A database that was missing or damaged was rebuilt: { cause, keptAs, runs, plans, worktrees, unreadable }.',
  'doctor.repaired': 'A difference between git, database and processes was mended: { kind, subject }.',
  'repository.added': 'A repository became known: { path }.',
  'repository.updated': 'What is said of a repository changed: { name, description, channels, defaultBranch, was }.',
  'repository.trusted': 'Somebody trusts the commands of its own file: { commands, hash }.',
  'repository.removed': 'A repository was forgotten: { path }.',
  'worktree.created': 'A worktree is ready: { path, branch, ports }.',
  'worktree.setup': 'What became of making a fresh worktree usable: { state: running | done | failed, detail }.',
  'pool.acquired': 'A worktree was lent: { lease, fence, holder, source }.',
  'pool.released': 'A worktree was given back: { lease, fence, outcome: done | failed }.',
  'pool.kept': 'A worktree could not be made ready for its next holder and stays as it is, failed: { path, reason }.',
  'worktree.snapshot': 'The state of a worktree was kept: { snapshot, name, reason }.',
  'worktree.restored': 'A worktree was made from a snapshot: { snapshot, path, branch }.',
  'cleanup.swept': 'A sweep took worktrees away, or failed to: how many { removed, skipped, errors }.',
  'worktree.adopted': "A worktree that was made without wtd is wtd's now: { path, branch, ports }.",
  'worktree.updated':
    'What a worktree is for, its pull request or what became of it was noted: { task, pr, declared }.',
  'worktree.removed': 'A worktree is gone: { path, branch, branchDeleted, snapshot }.',
  'plan.created': 'A plan became known: { branch }.',
  'plan.progress': 'Somebody reported how tasks of a plan are: { tasks[] {id, status}, completed, total }.',
  'plan.updated': 'What is written down about a plan changed: those of { file, command, base, dependsOn, limits }.',
  'plan.rebased': "A plan's commits were put onto another one: { from, to, onto }.",
  'plan.abandoned': 'A plan was given up: { archive, snapshot, branchDeleted }.',
  'plan.completed': 'A plan was merged: { into, commit, strategy, archive, tip }.',
  'plan.removed': 'A plan was forgotten: { branch }.',
  'conflict.found':
    'Two running plans can no longer be merged as they are: { with, files, severity, plans }; `plans` are ids.',
  'conflict.resolved': 'Two plans that collided no longer do, or one of them is gone: { with, plans }.',
  'run.queued': 'A run waits for a place: { attempt }.',
  'run.starting': 'A run is being started: { attempt }.',
  'run.started': 'The command of a run was executed, or a run was registered: { pid, kind }.',
  'run.limit': 'A run broke one of its limits: { limit, value, max, action: stop | pause | warn }.',
  'run.paused': 'Every process of a run is being stopped where it is: { limit }.',
  'run.resumed': 'A paused run goes on.',
  'run.stopping': 'A run is being stopped, because somebody asked or it broke a limit: { force, limit }.',
  'run.log.trimmed':
    'The oldest output of a run was dropped for the first time, past `runs.max_log_mb`: { droppedBytes }.',
  'run.log.untrimmed': 'The output of a run is past `runs.max_log_mb` and could not be trimmed: { sizeBytes, cause }.',
  'run.ended': 'A run is over: { state, reason, exitCode, signal }.',
} as const;

export type EventType = keyof typeof eventTypes;
