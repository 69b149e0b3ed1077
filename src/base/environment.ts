type Environment = Readonly<Record<string, string | undefined>>;

/** A worktree, by the name of its repository and the socket of the daemon that knows it. */
interface Place {
  repository: string;
  path: string;
  ports: { start: number; end: number } | null;
  socket: string;
}

/** What `git rev-parse --local-env-vars` prints (git 2.39): they bind a process to one repository. */
const gitLocalVariables = [
  'GIT_ALTERNATE_OBJECT_DIRECTORIES',
  'GIT_CONFIG',
  'GIT_CONFIG_PARAMETERS',
  'GIT_CONFIG_COUNT',
  'GIT_OBJECT_DIRECTORY',
  'GIT_DIR',
  'GIT_WORK_TREE',
  'GIT_IMPLICIT_WORK_TREE',
  'GIT_GRAFT_FILE',
  'GIT_INDEX_FILE',
  'GIT_NO_REPLACE_OBJECTS',
  'GIT_REPLACE_REF_BASE',
  'GIT_PREFIX',
  'GIT_SHALLOW_FILE',
  'GIT_COMMON_DIR',
  'GIT_INTERNAL_SUPER_PREFIX',
];

/** What a run is told about itself; it must not leak into a daemon or into another run. */
const runVariables = [
  'WTD_PLAN',
  'WTD_RUN',
  'WTD_REPOSITORY',
  'WTD_WORKTREE',
  'WTD_FENCE',
  'WTD_PORT_START',
  'WTD_PORT_END',
  'CLAUDE_WORKTREE',
];

/** What every process in a worktree is told about it. */
export const worktreeVariables = ({ repository, path, ports, socket }: Place): Record<string, string> => ({
  WTD_REPOSITORY: repository,
  WTD_WORKTREE: path,
  CLAUDE_WORKTREE: path,
  WTD_SOCKET: socket,
  ...(ports && { WTD_PORT_START: String(ports.start), WTD_PORT_END: String(ports.end), PORT: String(ports.start) }),
});

/** What a service manager tells its own child. */
const serviceVariables = /^(NOTIFY_SOCKET|LISTEN_.*|WATCHDOG_.*)$/;

function without(environment: Environment, isUnwanted: (name: string) => boolean): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && !isUnwanted(name)) kept[name] = value;
  }
  return kept;
}

const isGitLocal = (name: string) => gitLocalVariables.includes(name) || /^GIT_CONFIG_(KEY|VALUE)_\d+$/.test(name);

/** For git itself: no variable that binds it to another repository. */
export const forGit = (environment: Environment): Record<string, string> => without(environment, isGitLocal);

/** For a daemon or a run: also nothing of a surrounding run or service. */
export const forChild = (environment: Environment): Record<string, string> =>
  without(environment, (name) => isGitLocal(name) || runVariables.includes(name) || serviceVariables.test(name));
