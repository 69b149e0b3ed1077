import { spawn } from 'node:child_process';
import { closeSync, fstatSync, ftruncateSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseComplaint, type Complaint } from './complaint.ts';
import type { ServiceCommand, StartCommand } from './connect.ts';
import { UnavailableError } from './errors.ts';

const maxErrorFileBytes = 1_000_000;
const maxComplaintBytes = 65_536;

/** It ended on purpose. */
const doneExitCode = 0;
/** Another client's daemon came first. */
const busyExitCode = 9;
/** How long the daemon that came first has before it is taken for one that failed. */
const giveWayMs = 1000;

export interface StartingDaemon {
  /** Throws what the daemon said when it ended before it could answer. */
  throwIfFailed(): void;
  /** True once another daemon has had its time: it answers, or this one is to be started again. */
  hasGivenWayInVain(): boolean;
  /** What it has said so far. */
  complaint(): Complaint | undefined;
}

/** Starts a daemon that outlives this process. */
export function startDaemon(command: StartCommand): StartingDaemon {
  const { errorFile } = command;
  let failure: Complaint | undefined;
  let gaveWayAtMs = Infinity;
  try {
    const { child, offset } = spawnDetached(command);
    child.once('error', (error) => {
      failure ??= notStarted(error);
    });
    child.once('exit', (code, signal) => {
      if (code === busyExitCode) gaveWayAtMs = performance.now();
      else if (code !== doneExitCode) {
        const silent = { message: `the daemon ended at once (${signal ?? `exit code ${code}`})` };
        failure ??= readComplaint(errorFile, offset) ?? silent;
      }
    });
    return {
      throwIfFailed() {
        if (failure !== undefined) throw unavailable(failure, errorFile);
      },
      hasGivenWayInVain: () => performance.now() - gaveWayAtMs > giveWayMs,
      complaint: () => readComplaint(errorFile, offset),
    };
  } catch (error) {
    throw unavailable(notStarted(error as Error), errorFile);
  }
}

/** A service manager sees to it from here on; launchd has started it before it serves. */
const keptByService: StartingDaemon = {
  throwIfFailed: () => undefined,
  hasGivenWayInVain: () => false,
  complaint: () => undefined,
};

/** Has the service manager start the daemon. Answers why it did not, in its own words. */
export async function startService(service: ServiceCommand): Promise<StartingDaemon | string> {
  const failure = await tell(service, service.start);
  if (failure === undefined) return keptByService;
  for (const words of service.giveUp) await tell(service, words);
  return failure;
}

/** Answers the first line of what the program said when it failed. */
function tell({ program, env }: ServiceCommand, words: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(program, words, { cwd: '/', stdio: ['ignore', 'ignore', 'pipe'], env });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    child.once('error', ({ message }) => {
      resolve(message);
    });
    child.once('close', (code, signal) => {
      const [first = ''] = said.trim().split('\n');
      resolve(code === 0 ? undefined : first || `${program} ended with ${signal ?? String(code)}`);
    });
  });
}

function spawnDetached({ program, args, env, errorFile }: StartCommand) {
  mkdirSync(dirname(errorFile), { recursive: true, mode: 0o700 });
  const file = openSync(errorFile, 'a', 0o600);
  try {
    if (fstatSync(file).size > maxErrorFileBytes) ftruncateSync(file);
    const offset = fstatSync(file).size;
    const child = spawn(program, args, { cwd: '/', detached: true, stdio: ['ignore', file, file], env });
    child.unref();
    return { child, offset };
  } finally {
    closeSync(file);
  }
}

function readComplaint(errorFile: string, offset: number): Complaint | undefined {
  try {
    return parseComplaint(readFileSync(errorFile).toString('utf8', offset, offset + maxComplaintBytes));
  } catch {
    return undefined;
  }
}

const notStarted = ({ message }: Error): Complaint => ({ message: `the daemon could not be started: ${message}` });

const unavailable = ({ message, hint }: Complaint, errorFile: string): UnavailableError =>
  new UnavailableError(message, hint ?? `run \`wtd daemon\` to see it happen; what it said is in ${errorFile}`);
