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
  taskId,
  taskNote,
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

export const current = method({
  summary: 'Show the plan one is in: by the environment of a run, the worktree around, or the only open plan around',
  params: {
    cwd: addressing.cwd,
    env: z
      .strictObject({
        WTD_PLAN: text(4096).optional(),
        WTD_REPOSITORY: text(4096).optional(),
        CLAUDE_WORKTREE: text(4096).optional(),
      })
      .describe('What a run is told about itself')
      .meta({ cli: 'environment' })
      .optional(),
  },
  result: models.plan,
});

const given = z.strictObject({ id: taskId, status: models.taskStatus, note: taskNote.nullable().optional() });

export const progress = method({
  summary: 'Report how tasks of a plan are; the last report of each counts',
  params: {
    ...one,
    tasks: z
      .array(given)
      .min(1)
      .max(1000)
      .describe(`Each as <id>=<status> (${models.taskStatus.options.join(', ')}), after the name of the plan`)
      .meta({ words: true }),
  },
  result: models.plan,
  cli: { positional: ['tasks'] },
});

export const tasks = method({
  summary: 'List the tasks of a plan, how each is, who says so, and what it waits for',
  params: one,
  result: z.object({ tasks: z.array(models.task), warnings: z.array(z.string()) }),
  cli: { positional: ['plan'] },
});

export const update = method({
  summary: 'Change what is written down about a plan; a limit that is not named stays as it is',
  params: {
    ...one,
    file: path.nullable().describe('Markdown plan file').optional(),
    command: command.nullable().describe('What its next run executes').optional(),
    base: revision.nullable().describe('What it is to be merged into (null: the default branch)').optional(),
    dependsOn: z.array(name).max(100).nullable().describe('Plans that must be merged before this one').optional(),
    limits: limits.nullable().optional(),
  },
  result: models.plan,
  cli: { positional: ['plan'], rest: 'command' },
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

/** What was done with one plan, or would be. */
const completed = z.object({
  plan: z.string(),
  /** `planned`: it would be merged; `requested`: by a pull request; `untried`: one before it failed. */
  state: z.enum(['merged', 'planned', 'requested', 'failed', 'untried']),
  /** Null: it was not tried, or failed. */
  into: z.string().nullable(),
  commit: z.string().nullable(),
  archive: z.string().nullable(),
  error: z.object({ code: z.string(), message: z.string(), hint: z.string() }).nullable(),
});

export const complete = method({
  summary: 'Merge a finished plan into its base, keep its branch under a tag and take its worktree away',
  params: {
    ...addressing,
    plan: plan.optional(),
    all: z
      .boolean()
      .describe('Every plan that can be merged, in the recommended order, up to the first that fails')
      .optional(),
    strategy: models.mergeStrategy.describe('How to merge (default: as configured)').optional(),
    dryRun: z.boolean().describe('Only tell the steps').optional(),
    verify: z
      .boolean()
      .describe('Whether the configured commands must succeed on the merged tree (default: true)')
      .optional(),
    keepWorktree: z.boolean().describe('Leave its worktree where it is').optional(),
    deleteBranch: z.boolean().describe('Delete its branch as well').optional(),
    pr: z.boolean().describe('Push its branch and open a pull request with `gh` instead of merging it here').optional(),
    env: environment
      .describe("The environment of the commands that verify, and of gh (default: the daemon's)")
      .optional(),
  },
  result: z.object({
    /** False for a dry run, and where one of several failed. */
    merged: z.boolean(),
    /** The branch that has it now; of several that of the last one. */
    into: z.string().nullable(),
    /** Of the last one that was merged. */
    commit: z.string().nullable(),
    strategy: models.mergeStrategy.nullable(),
    steps: z.array(z.object({ plan: z.string(), kind: models.completionStep, detail: z.string() })),
    /** Those that waited for it, with what each needs now. */
    dependants: z.array(z.object({ plan: z.string(), state: models.plan.shape.state, needs: z.string() })),
    /** The tag that keeps what its branch was. */
    archive: z.string().nullable(),
    plans: z.array(completed),
    /** Where others are asked for the merge. */
    pr: models.worktree.shape.pr,
    warnings: z.array(z.string()),
  }),
  waits: true,
  cli: { positional: ['plan'], short: 'complete' },
});

export const remove = method({
  summary: 'Forget a plan and take its worktree away; refuses when work would be lost, keeps a branch with commits',
  params: one,
  result: z.object({ removed: z.literal(true) }),
  cli: { positional: ['plan'] },
});

export const rebase = method({
  summary: "Put a plan's commits onto its base as that is now, in its worktree",
  params: {
    ...one,
    onto: revision.describe("Branch or commit to put them onto (default: the plan's base)").optional(),
    onConflict: z
      .enum(['undo', 'keep'])
      .describe('What to do when a commit conflicts: undo all of it, or keep it in the worktree to be resolved')
      .optional(),
    abort: z.boolean().describe('Take back a rebase that is in progress, after a snapshot').optional(),
    env: environment.describe("The environment of git (default: the daemon's)").optional(),
  },
  result: z.object({
    /** False: nothing was to be done, it was taken back, or conflicts have to be resolved. */
    rebased: z.boolean(),
    /** Why: content, addAdd, modifyDelete, rename, binary, submodule or other. */
    conflicts: z.array(z.object({ path: z.string(), kind: z.string() })),
  }),
  waits: true,
  cli: { positional: ['plan'], short: 'rebase' },
});

export const abandon = method({
  summary: 'Give a plan up: its worktree and branch go, a snapshot and a tag keep what was in them',
  params: { ...one, force: z.boolean().describe('Although a run is active or work is not committed').optional() },
  result: models.plan,
  waits: true,
  cli: { positional: ['plan'], short: 'abandon' },
});
