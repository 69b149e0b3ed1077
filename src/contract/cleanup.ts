import * as z from 'zod';
import { method } from './method.ts';
import { addressing, milliseconds } from './parameters.ts';

const params = {
  ...addressing,
  olderThanMs: milliseconds
    .describe('Take what was last used so long ago (default: worktrees.cleanup_policy of the configuration)')
    .optional(),
};

const goReasons = ['abandoned', 'merged', 'orphaned', 'old', 'idle', 'over_budget'] as const;

/** A worktree in a sweep. */
const entry = z.object({
  /** Its id. */
  worktree: z.string(),
  name: z.string(),
  repository: z.string(),
  branch: z.string().nullable(),
  plan: z.string().nullable(),
  path: z.string(),
  diskMb: z.number().nullable(),
  /** One word. */
  reason: z.string(),
  /** The same as a sentence, with all that speaks for it. */
  detail: z.string(),
});

const going = entry.extend({ reason: z.enum(goReasons) });

export const plan = method({
  summary: 'Tell which worktrees a sweep would remove and which it would keep, each with its reason',
  params,
  result: z.object({
    remove: z.array(going),
    keep: z.array(entry),
    freeMb: z.number().describe('How much disk space that would free, as far as it is known'),
  }),
});

export const run = method({
  summary: 'Remove what nothing would be lost with; dirty or unmerged work always stays',
  params,
  result: z.object({
    removed: z.array(going.extend({ snapshot: z.string().nullable().describe('Its id; brings the worktree back') })),
    skipped: z.array(entry).describe('What stays, also what was found to be in use in the last moment'),
    errors: z.array(entry).describe('What could not be removed; `reason` is the code of the error'),
  }),
  waits: true,
});

export type GoReason = (typeof goReasons)[number];
export type SweepEntry = z.infer<typeof entry>;
export type GoingEntry = z.infer<typeof going>;
