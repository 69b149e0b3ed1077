import { z } from 'zod';
import { method } from './method.ts';
import { addressing } from './parameters.ts';

const conflictKind = z.enum([
  'binary',
  'modifyDelete',
  'rename',
  'addAdd',
  'mode',
  'submodule',
  'directory',
  'content',
  'other',
]);

const file = z.object({ path: z.string(), kind: conflictKind });

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
  files: z.array(file),
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
