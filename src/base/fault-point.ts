declare const __WTD_FAULTS__: boolean | undefined;

/** True only in the second build that `npm run build:faults` makes; elsewhere all of this comes to nothing. */
const isBreakable = typeof __WTD_FAULTS__ === 'boolean' && __WTD_FAULTS__;

/** The steps at which a test can break a daemon, `<operation>: <what was just done>`. */
export const faultPoints = [
  'plan: repository written',
  'plan: row written',
  'start: directory made',
  'start: environment kept',
  'start: row written',
  'start: place written',
  'start: described',
  'start: try made',
  'start: fifos made',
  'start: parent spawned',
  'start: executed',
  'start: recorded',
  'start: environment forgotten',
  'make: repository written',
  'adopt: locked',
  'adopt: recorded',
  'create: row written',
  'create: registered',
  'create: files written',
  'create: recorded',
  'setup: begun',
  'setup: files copied',
  'setup: command started',
  'setup: commands run',
  'setup: recorded',
  'register: row written',
  'register: worktree made',
  'register: recorded',
  'queue: row written',
  'queue: admitted',
  'end: seen',
  'end: leftovers gone',
  'end: recorded',
  'finish: recorded',
  'stop: intent written',
  'stop: asked',
  'stop: tree gone',
  'stop: recorded',
  'stop now: killed',
  'remove: snapshot taken',
  'remove: intent written',
  'remove: moved to trash',
  'remove: unregistered',
  'remove: branch deleted',
  'remove: row written',
  'remove: directory removed',
  'remove: plan deleted',
  'rebase: intent written',
  'rebase: done',
  'rebase: recorded',
  'rebase: stopped',
  'rebase: undone',
  'abandon: intent written',
  'abandon: worktree gone',
  'abandon: archived',
  'abandon: branch deleted',
  'abandon: recorded',
  'complete: merged',
  'complete: verified',
  'complete: intent written',
  'complete: archived',
  'complete: moving',
  'complete: moved',
  'complete: recorded',
  'complete: worktree removed',
  'complete: intent cleared',
  'acquire: intent written',
  'acquire: switched',
  'acquire: recorded',
  'release: recorded',
  'release: work kept',
  'release: reset',
  'release: branch deleted',
  'release: ready',
  'take: intent written',
  'take: allotted',
  'take: moved',
  'take: switched',
  'take: recorded',
  'snapshot: objects written',
  'snapshot: ref written',
  'snapshot: row written',
  'restore: begun',
  'restore: files written',
  'restore: index written',
  'restore: recorded',
  'sweep: planned',
  'sweep: worktree removed',
  'sweep: recorded',
  'recover: run adopted',
  'recover: runs adopted',
  'recover: worktree finished',
  'requeue: start cancelled',
  'requeue: row written',
] as const;

export type FaultPoint = (typeof faultPoints)[number];

/** `kill`: SIGKILL of the daemon by itself. `enospc`: the step throws as on a full disk. */
type FaultAction = 'kill' | 'enospc';

let armed: { point: string; passes: number; action: FaultAction } | undefined;

/** Takes `WTD_FAULT=<point>:<n>:<action>`: what happens at the n-th pass of a point. */
export function armFault(environment: Readonly<Record<string, string | undefined>>): void {
  const wanted = isBreakable ? environment['WTD_FAULT'] : undefined;
  if (wanted === undefined) return;
  const { point = '', pass, action } = /^(?<point>.+):(?<pass>\d+):(?<action>kill|enospc)$/.exec(wanted)?.groups ?? {};
  armed = { point, passes: Number(pass), action: action as FaultAction };
}

/** Marks a step of an operation. */
export function faultPoint(point: FaultPoint): void {
  if (!isBreakable) return;
  if (armed?.point !== point || --armed.passes > 0) return;
  const { action } = armed;
  armed = undefined;
  if (action === 'kill') process.kill(process.pid, 'SIGKILL');
  throw Object.assign(new Error(`ENOSPC: no space left on device, at ${point}`), { code: 'ENOSPC' });
}
