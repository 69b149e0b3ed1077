import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { WtdError } from '../contract/errors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where everything of one daemon lies. All paths are absolute. */
export interface Paths {
  /** The state directory, 0700. */
  home: string;
  config: string;
  database: string;
  lock: string;
  socket: string;
  logs: string;
  /** What commands printed that set worktrees up. */
  setupLogs: string;
  /** What commands printed that verified a merge. */
  verifyLogs: string;
  runs: string;
  /** Objects of merges that are only tried. */
  trials: string;
  /** When the next cleanup is due. */
  cleanupDue: string;
}

/**
 * However a directory is spelled (`/x/`, `//x`, `/x/.`) it is one home, for locks and services name it. A symlink is
 * another one. WTD_HOME, else the XDG base directories (https://specifications.freedesktop.org/basedir-spec/),
 * else ~/Library.
 */
function directories(environment: Environment, platform: NodeJS.Platform): { config: string; state: string } {
  const wtdHome = environment['WTD_HOME'];
  if (wtdHome) {
    if (!isAbsolute(wtdHome)) throw relativeHome(wtdHome);
    const home = resolve(wtdHome);
    return { config: home, state: home };
  }
  const home = environment['HOME'] ?? homedir();
  if (platform === 'darwin') {
    const library = join(home, 'Library', 'Application Support', 'wtd');
    return { config: library, state: library };
  }
  const base = (name: string, fallback: string) => {
    const value = environment[name];
    return join(value && isAbsolute(value) ? value : join(home, fallback), 'wtd');
  };
  return { config: base('XDG_CONFIG_HOME', '.config'), state: base('XDG_STATE_HOME', '.local/state') };
}

const relativeHome = (wtdHome: string): WtdError =>
  new WtdError('INVALID_PARAMS', `WTD_HOME must be an absolute path, not ${wtdHome}`, {
    hint: 'set WTD_HOME to an absolute path, or unset it',
    issues: [{ path: 'WTD_HOME', message: 'must be an absolute path' }],
  });

export function daemonPaths(environment: Environment, platform: NodeJS.Platform = process.platform): Paths {
  const { config, state } = directories(environment, platform);
  return {
    home: state,
    config: join(config, 'config.yaml'),
    database: join(state, 'wtd.db'),
    lock: join(state, 'wtd.lock'),
    socket: join(state, 'wtd.sock'),
    logs: join(state, 'logs'),
    setupLogs: join(state, 'logs', 'setup'),
    verifyLogs: join(state, 'logs', 'verify'),
    runs: join(state, 'runs'),
    trials: join(state, 'trials'),
    cleanupDue: join(state, 'cleanup.due'),
  };
}

/**
 * The variables that lead to this very home, whatever else is set for the daemon that is started with them: a service
 * manager may have another HOME and a WTD_HOME of its own.
 */
export function homeVariables(
  environment: Environment,
  platform: NodeJS.Platform = process.platform,
): Record<string, string> {
  const { config, state } = directories(environment, platform);
  if (config === state) return { WTD_HOME: state };
  return { WTD_HOME: '', XDG_CONFIG_HOME: dirname(config), XDG_STATE_HOME: dirname(state) };
}

/** What a client needs; it alone honours WTD_SOCKET. */
export function clientPaths(environment: Environment): { socket: string; state: string; daemonErrors: string } {
  const paths = daemonPaths(environment);
  return {
    socket: environment['WTD_SOCKET'] ?? paths.socket,
    state: paths.home,
    daemonErrors: join(paths.logs, 'daemon.stderr'),
  };
}
