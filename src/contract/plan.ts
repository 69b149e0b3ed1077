import * as z from 'zod';
import { method, stream } from './method.ts';
import * as models from './models.ts';
import {
  addressing,
  command,
  environment,
  id,
  limits,
  milliseconds,
  name,
  path,
  revision,
  text,
} from './parameters.ts';

const plan = name.describe('Name of the plan');
const base = revision.describe('Branch or commit to start from (default: the default branch)').optional();
const file = path.describe('Markdown plan file').optional();
const one = { ...addressing, plan };
const planOrRun = {
  ...addressing,
  plan: plan.optional(),
  run: id.describe('Id of a run, instead of the plan').optional(),
};

export const create = method({
  summary: 'Write a plan down without starting it',
  params: {
    ...addressing,
    name: plan,
    file,
    command: command.optional(),
    base,
    dependsOn: z.array(name).max(100).describe('Plans that must be merged before this one').optional(),
    limits: limits.optional(),
  },
  result: models.plan,
  cli: { positional: ['name'], rest: 'command' },
});

export const list = method({
  summary: 'List plans',
  params: addressing,
  result: z.object({ plans: z.array(models.plan) }),
});

export const show = method({
  summary: 'Show one plan',
  params: one,
  result: models.plan,
  cli: { positional: ['plan'] },
});

export const start = method({
  summary: 'Start a plan in its worktree; makes plan and worktree when new',
  params: {
    ...one,
    command: command.optional(),
    base,
    file,
    worktree: text(4096)
      .min(1)
      .describe('Run in this worktree, a named or adopted one that nobody uses; its branch becomes that of the plan')
      .optional(),
    limits: limits.optional(),
    whenFull: z.enum(['queue', 'refuse']).describe('What to do when the limit is reached (default: queue)').optional(),
    env: environment.describe("The whole environment of the run (default: the daemon's)").optional(),
  },
  result: models.run,
  cli: { positional: ['plan'], rest: 'command', short: 'start' },
});

export const stop = method({
  summary: "End a plan's run, its whole process tree",
  params: {
    ...one,
    timeoutMs: milliseconds.describe('Time between TERM and KILL').optional(),
    force: z.boolean().describe('KILL at once').optional(),
  },
  result: models.run,
  waits: true,
  cli: { positional: ['plan'], short: 'stop' },
});

export const pause = method({
  summary: "Stop every process of a plan's run where it is, until it is resumed",
  params: one,
  result: models.run,
  waits: true,
  cli: { positional: ['plan'], short: 'pause' },
});

export const resume = method({
  summary: 'Let a paused run go on; what its limits count begins anew',
  params: one,
  result: models.run,
  waits: true,
  cli: { positional: ['plan'], short: 'resume' },
});

export const restart = method({
  summary: "Stop a plan's run if there is one, then start it again with the same command",
  params: {
    ...one,
    timeoutMs: milliseconds.describe('Time between TERM and KILL').optional(),
    env: environment.describe("The whole environment of the run (default: the daemon's)").optional(),
  },
  result: models.run,
  waits: true,
  cli: { positional: ['plan'], short: 'restart' },
});

export const wait = method({
  summary: "Wait for the end of a plan's run",
  params: { ...planOrRun, timeoutMs: milliseconds.describe('Give up after this long').optional() },
  result: models.run,
  waits: true,
  cli: { positional: ['plan'], short: 'wait' },
});

export const logs = stream({
  summary: "Print a run's output; `from` takes it up again at an offset",
  params: {
    ...planOrRun,
    tail: z.int().min(0).max(1_000_000).describe('Only the last lines').optional(),
    from: z
      .int()
      .min(0)
      .max(Number.MAX_SAFE_INTEGER)
      .describe('Start at this byte, or at the first one that is kept')
      .optional(),
    follow: z.boolean().describe('Go on until the run ends').optional(),
  },
  item: z.object({
    offset: z.int().describe('Byte at which the line starts'),
    line: z.string(),
  }),
  cli: { positional: ['plan'], short: 'logs', letters: { f: 'follow', n: 'tail' } },
});

export const remove = method({
  summary: 'Forget a plan and take its worktree away; refuses when work would be lost, keeps a branch with commits',
  params: one,
  result: z.object({ removed: z.literal(true) }),
  cli: { positional: ['plan'] },
});
