import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { forChild } from '../../base/environment.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The label of the launchd agent, and the name of its file. */
export const agentName = 'local.wtd.daemon';

/** Where systemd looks for a user's own units. */
export function unitDirectory(environment: Environment): string {
  const config = environment['XDG_CONFIG_HOME'];
  const base = config && isAbsolute(config) ? config : join(environment['HOME'] ?? homedir(), '.config');
  return join(base, 'systemd', 'user');
}

/** Where launchd looks for a user's own agents. */
export const agentDirectory = (environment: Environment): string =>
  join(environment['HOME'] ?? homedir(), 'Library', 'LaunchAgents');

/** The socket that a rendered wtd.socket listens on. */
export const socketOf = (unit: string): string | undefined =>
  /^ListenStream=(.*)$/m.exec(unit)?.[1]?.replaceAll('%%', '%');

/** The home that a rendered agent serves. */
export const homeOfAgent = (agent: string): string | undefined =>
  /<key>WTD_HOME<\/key>\s*<string>([^<]*)<\/string>/
    .exec(agent)?.[1]
    ?.replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');

export const userId = (): number => process.getuid?.() ?? 0;

/** Without XDG_RUNTIME_DIR, as under cron and su, `systemctl --user` finds nobody; this is where it lies by default. */
export function forServiceTool(environment: Environment): Record<string, string> {
  const runtime = { XDG_RUNTIME_DIR: environment['XDG_RUNTIME_DIR'] || `/run/user/${userId()}` };
  return { ...forChild(environment), ...runtime };
}

interface Client {
  environment: Environment;
  home: string;
  socket: string;
}

/** Shaped as the client's ServiceCommand. */
interface Command {
  program: string;
  env: Record<string, string>;
  start: string[];
  giveUp: string[][];
}

/** How to start the installed service of this very home; null when there is none. */
export function findServiceStart({ environment, home, socket }: Client): Command | null {
  const isMac = process.platform === 'darwin';
  const path = isMac
    ? join(agentDirectory(environment), `${agentName}.plist`)
    : join(unitDirectory(environment), 'wtd.socket');
  const text = readIfThere(path);
  const isOurs = isMac ? homeOfAgent(text) === home : socketOf(text) === socket;
  if (!isOurs) return null;
  const env = forServiceTool(environment);
  const agent = `gui/${userId()}/${agentName}`;
  if (isMac) return { program: 'launchctl', env, start: ['kickstart', agent], giveUp: [] };
  const systemctl = (verb: string, ...units: string[]) => ['--user', verb, ...units];
  return {
    program: 'systemctl',
    env,
    start: systemctl('start', 'wtd.socket', 'wtd.service'),
    giveUp: [systemctl('stop', 'wtd.socket'), systemctl('reset-failed', 'wtd.socket', 'wtd.service')],
  };
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
