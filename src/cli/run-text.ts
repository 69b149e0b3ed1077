import { constants } from 'node:os';
import { formatDuration } from '../base/duration.ts';
import type { Plan, Run } from '../contract/models.ts';
import { formatPath, formatPorts, paint, plain, type View } from './format.ts';
import { table } from './table.ts';

/** The exit code of a process that a signal ended, as shells give it. */
export function signalExit(signal: string): number {
  const known: Readonly<Record<string, number>> = constants.signals;
  return 128 + (known[signal] ?? known[`SIG${signal}`] ?? 0);
}

/** Ends as the command of the run did. */
export function exitCodeOfRun({ state, reason, exitCode, signal }: Run): number {
  if (state === 'succeeded') return 0;
  if (reason === 'spawn') return table.errors['SPAWN_FAILED']?.exit ?? 1;
  if (signal !== null) return signalExit(signal);
  return exitCode === null || exitCode === 0 ? 1 : exitCode;
}

/** What somebody wants to know who has just started a plan. */
export function describeStart(run: Run, plan: Plan | null, view: View): string {
  if (run.state === 'failed') return describeEnd(run, view);
  const state = paint(run.state, run.state, view);
  const follow = `follow it with: wtd logs -f ${run.plan}\n`;
  if (run.state === 'queued') {
    const position = run.queuePosition === null ? '' : `, position ${run.queuePosition}`;
    return `${run.plan} ${state}${position}; it starts by itself when there is a place\n${follow}`;
  }
  const details = [
    `${run.plan} ${state}`,
    ...(run.pid === null ? [] : [`pid ${run.pid}`]),
    ...(plan?.ports ? [`ports ${formatPorts(plan.ports)}`] : []),
    ...(run.cwd === null ? [] : [`in ${formatPath(run.cwd, view)}`]),
  ];
  return `${details.join(', ')}\n${describeSetup(plan)}${follow}`;
}

/** It goes on in a worktree that may lack something. */
function describeSetup(plan: Plan | null): string {
  const setup = plan?.worktree?.setup;
  if (setup?.state !== 'failed') return '';
  const printed = setup.logPath === null ? '' : `; see ${setup.logPath}`;
  return `its worktree could not be set up: ${plain(setup.detail)}${printed}\n`;
}

/** How a run ended, and where to look when it did not end well. */
export function describeEnd(run: Run, view: View): string {
  const lasted = run.durationMs === null ? '' : ` after ${formatDuration(run.durationMs)}`;
  const seeLogs =
    !['failed', 'lost'].includes(run.state) || run.reason === 'spawn' ? '' : `; see: wtd logs ${run.plan}`;
  return `${run.plan} ${paint(run.state, run.state, view)}${describeReason(run)}${lasted}${seeLogs}\n`;
}

/** What pause and resume did. */
export function describePause({ plan, state }: Run, view: View): string {
  const next = state === 'paused' ? `; let it go on with: wtd resume ${plan}` : '';
  return `${plan} ${paint(state, state, view)}${next}\n`;
}

function describeReason({ state, reason, exitCode, signal, command }: Run): string {
  if (reason === 'spawn') return ` (its command could not be started: ${command[0] ?? '-'})`;
  if (reason !== null && !['exit', 'signal'].includes(reason)) return ` (${reason})`;
  if (signal !== null) return ` (${signal})`;
  return exitCode === null || state === 'succeeded' ? '' : ` (exit code ${exitCode})`;
}
