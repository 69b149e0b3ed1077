import { isoTime } from '../../base/clock.ts';
import { WtdError } from '../../contract/errors.ts';
import type { PlanRow, RepositoryRow, RunRow } from '../registry/rows.ts';

/** The sentences of what plan.start refuses. */
export function duplicateRun(about: {
  repository: RepositoryRow;
  plan: PlanRow;
  run: RunRow;
  worktree: string | null;
}): WtdError {
  const { repository, plan, run, worktree } = about;
  const startedAt = isoTime(run.startedAt ?? run.queuedAt);
  const where = `${plan.name} --repo ${repository.name}`;
  const process = run.pid === null ? '' : ` as pid ${run.pid}`;
  return new WtdError('DUPLICATE_RUN', `plan ${plan.name} is already ${run.state}${process}, since ${startedAt}`, {
    hint: `follow it with \`wtd logs -f ${where}\`, or end it with \`wtd stop ${where}\``,
    run: run.id,
    pid: run.pid,
    state: run.state,
    startedAt,
    worktree,
  });
}

export const noCommand = (plan: string): WtdError =>
  new WtdError('INVALID_PARAMS', `command: plan ${plan} has no command yet`, {
    hint: `give one: \`wtd start ${plan} -- <command>\`, or set orchestrator.command in config.yaml`,
    issues: [{ path: 'command', message: 'is required: neither the plan nor the configuration has one' }],
  });

export const placesFull = (obstacle: { limit: string; current: number; max: number }): WtdError =>
  new WtdError(
    'LIMIT_REACHED',
    obstacle.limit === 'limits.max_machine_cpu_percent'
      ? `the machine is busy: ${obstacle.limit} is ${obstacle.max}, and it is at ${obstacle.current} %`
      : `no place is free: ${obstacle.limit} is ${obstacle.max}, and ${obstacle.current} active`,
    {
      hint: 'let it wait with `--when-full queue`, or see what runs with `wtd status`',
      ...obstacle,
      suggestions: [
        'wait for a run to end: `wtd wait <plan>`',
        'stop one: `wtd stop <plan>`',
        `raise ${obstacle.limit} in config.yaml, then \`wtd daemon reload\``,
      ],
    },
  );

/** `requiredMb` has in it what runs on that file system may still write. */
export const diskLow = ({ path, freeMb, requiredMb }: { path: string; freeMb: number; requiredMb: number }): WtdError =>
  new WtdError('DISK_LOW', `only ${freeMb} MB are free at ${path}, ${requiredMb} MB are required`, {
    hint: 'free some space, or lower resources.min_disk_space_mb and run `wtd daemon reload`',
    path,
    freeMb,
    requiredMb,
    suggestions: [
      'remove plans you no longer need with `wtd plan remove <plan>`',
      'free space on that file system',
      'give runs a lower limit with `--max-disk-mb`: what they may still write is counted as used',
    ],
  });

export const queueFull = (current: number, max: number): WtdError =>
  new WtdError('LIMIT_REACHED', `the queue is full: limits.queue_size is ${max}, and ${current} queued`, {
    hint: 'see the queue with `wtd run list --active`',
    limit: 'limits.queue_size',
    current,
    max,
    suggestions: [
      'stop a queued one: `wtd stop <plan>`',
      'raise limits.queue_size in config.yaml, then `wtd daemon reload`',
    ],
  });
