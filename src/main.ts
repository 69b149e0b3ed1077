import { forChild } from './base/environment.ts';
import { runCli } from './cli/cli.ts';
import { runForeground } from './cli/foreground.ts';
import { clientPaths, daemonPaths } from './daemon/paths.ts';
import { findServiceStart } from './daemon/service/installed.ts';

const argv = process.argv.slice(2);
const isDaemon = argv.length === 1 && argv[0] === 'daemon';

async function main(): Promise<number> {
  if (isDaemon) {
    // Told apart by it from what a run has started for itself; see daemon/runs/tree.ts.
    process.title = 'wtd-daemon';
    const { runDaemon } = await import('./daemon/daemon.ts');
    return runForeground({ env: process.env, streams: process }, (say) => runDaemon(process.env, say));
  }
  return runCli({
    argv,
    env: process.env,
    cwd: process.cwd(),
    streams: process,
    route: findRoute,
    service: findService,
  });
}

/** The words that start this very program. */
const program = [process.execPath, ...process.execArgv, process.argv[1] ?? ''];

async function findService() {
  const { openService } = await import('./daemon/service-assembly.ts');
  return openService({ environment: process.env, program });
}

/** Where the daemon listens, and how this very program becomes one. */
function findRoute() {
  const { socket, daemonErrors, state: home } = clientPaths(process.env);
  const [node = '', ...words] = program;
  const start = {
    program: node,
    args: [...words, 'daemon'],
    // Made late, as the next: most clients meet a daemon that is there.
    get env() {
      return forChild(process.env);
    },
    get service() {
      return findServiceStart({ environment: process.env, home, socket });
    },
    errorFile: daemonErrors,
  };
  // A daemon serves on its own socket only, so starting one would not help whoever is led elsewhere.
  if (socket !== daemonPaths(process.env).socket) {
    return { socketPath: socket, start: null, absentHint: 'WTD_SOCKET leads there: correct it, or unset it' };
  }
  if (process.env['WTD_AUTOSTART'] === '0') {
    return { socketPath: socket, start: null, absentHint: 'start it with `wtd daemon`, or unset WTD_AUTOSTART' };
  }
  return { socketPath: socket, start };
}

void main().then((exitCode) => {
  process.exitCode = exitCode;
  // A daemon that gave up its lock does nothing more, whatever is still under way in it.
  if (isDaemon) process.exit();
});
