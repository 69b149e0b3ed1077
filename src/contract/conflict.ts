import * as z from 'zod';
import { method } from './method.ts';
import { addressing } from './parameters.ts';

const kind = z
  .enum([
    'content',
    'modifyDelete',
    'rename',
    'addAdd',
    'binary',
    'mode',
    'submodule',
    'directory',
    'unrelated',
    'other',
  ])
  .describe('unrelated: the two histories have no commit in common; other: git found a way that wtd does not know');

const conflictingFile = z.object({ path: z.string(), kind });

const pair = z.object({
  /** Branches; of a pair with the base, `b` is the base. */
  a: z.string(),
  b: z.string(),
  conflicts: z.boolean(),
  files: z.array(conflictingFile),
  /** Files that both changed since they parted and that merge cleanly, by the name they end up with. */
  shared: z.array(z.string()),
  /** low: the same files, but they merge; medium: conflicts; high: by delete, rename or binary. Null: nothing in common. */
  severity: z.enum(['low', 'medium', 'high']).nullable(),
});

export const matrix = method({
  summary: 'Tell which plans would collide, each with each and with its base, by merging them in memory',
  params: {
    ...addressing,
    uncommitted: z.boolean().describe('Count what is not committed yet as well, without touching it').optional(),
  },
  result: z.object({
    branches: z.array(z.string()),
    /** Whose branches they are. */
    plans: z.array(
      z.object({
        name: z.string(),
        branch: z.string(),
        base: z.string(),
        /** Whether work that is not committed is counted; null: it could not be read. */
        uncommitted: z.boolean().nullable(),
      }),
    ),
    /** Every two of them. */
    pairs: z.array(pair),
    withBase: z.array(pair),
    generatedAt: z.string(),
    durationMs: z.number(),
  }),
  cli: { short: 'conflicts' },
});

export type ConflictingFile = z.infer<typeof conflictingFile>;
export type ConflictPair = z.infer<typeof pair>;

/** A plan with the branch that it is to be merged into. */
const traveller = z.object({ plan: z.string(), branch: z.string(), into: z.string() });

const step = traveller.extend({
  /** From 1. */
  position: z.int(),
  /** A sentence. */
  reason: z.string(),
  /** Plans that conflict with it when the two of them are merged. */
  conflictsWith: z.array(z.string()),
});

const unmergeable = traveller.extend({
  /** A sentence. */
  reason: z.string(),
  /** That are in conflict after all steps. */
  files: z.array(conflictingFile),
  /** Plans of the steps, or the branch itself. */
  with: z.array(z.string()),
});

export const order = method({
  summary: 'Tell the order that brings the most plans home, each merged in memory on top of those before it',
  params: addressing,
  result: z.object({
    steps: z.array(step),
    unmergeable: z.array(unmergeable).describe('What cannot come home as it is'),
    verified: z.boolean().describe('All steps were merged in memory, in this order, on what the branches are now'),
    exact: z.boolean().describe('All orders were tried; false: there are too many, and another may bring more home'),
  }),
  cli: { short: 'merge-order' },
});

export type MergeStep = z.infer<typeof step>;
export type Unmergeable = z.infer<typeof unmergeable>;
