import * as z from 'zod';
import { method } from './method.ts';
import * as models from './models.ts';
import { addressing, branch, id, milliseconds, name, revision, text } from './parameters.ts';

const lease = id.describe('Id of the lease');
const fence = z.int().min(1).describe('Its fencing number');
const most = 1_000_000_000;

const picture = z.object({
  strategy: z.enum(['on_demand', 'pooled', 'reuse', 'dedicated']),
  /** Ready ones that are kept warm. */
  size: z.int(),
  total: z.int(),
  inUse: z.int(),
  /** Ready for whoever comes next. */
  available: z.int(),
  named: z.int(),
  waiting: z.int(),
  created: z.int(),
  reused: z.int(),
  /** Of the acquires, those that needed no new worktree. */
  hitPercent: z.number().nullable(),
  p50AcquireMs: z.number().nullable(),
});

export const status = method({
  summary: 'Show the pool of a repository and how well it serves',
  params: addressing,
  result: picture,
});

export const acquire = method({
  summary: 'Borrow a worktree: by name, by what fits, or any; give it back with `pool release`',
  params: {
    ...addressing,
    name: name.describe('Always this one; made when it does not exist').optional(),
    reuse: z
      .strictObject({
        branchPrefix: text(1024).min(1).describe('Only one whose last branch began like this').optional(),
        maxAgeMs: milliseconds.describe('Only one made at most this long ago').optional(),
        maxUseCount: z.int().min(0).max(most).describe('Only one used at most this often').optional(),
      })
      .describe('Which ready ones will do; a new one is made when none does')
      .optional(),
    ref: revision.describe('Commit to start from (default: the default branch)').optional(),
    branch: branch
      .describe('Branch to be on, made when it does not exist (default: none, HEAD is detached)')
      .optional(),
    task: text(4096).describe('What it is for').optional(),
    holder: text(256).min(1).describe('Who holds it').optional(),
    bind: z.enum(['none', 'connection']).describe('connection: the end of this connection releases it').optional(),
    ttlMs: milliseconds.min(1).describe('Release it by itself after this long').optional(),
    waitMs: milliseconds.describe('Wait so long for a place (default: not at all)').optional(),
  },
  result: z.object({
    worktree: models.worktree,
    lease: models.lease,
    source: z.enum(['new', 'pool', 'named', 'reused']),
    durationMs: z.number(),
  }),
  waits: true,
});

export const release = method({
  summary: 'Give a worktree back; it is made clean for the next holder',
  params: {
    lease,
    fence,
    outcome: z.enum(['done', 'failed']).describe('failed: keep it as it is, if the policy says so').optional(),
  },
  result: z.object({
    /** What became of it. */
    state: models.worktree.shape.state,
    /** Id of the snapshot that keeps what was not committed. */
    snapshot: z.string().nullable(),
    /** Why it stays as it is. */
    reason: z.string().nullable(),
  }),
  cli: { positional: ['lease', 'fence'] },
});

export const renew = method({
  summary: 'Let a lease last longer, from now on',
  params: { lease, fence, ttlMs: milliseconds.min(1).describe('How long from now on') },
  result: models.lease,
  cli: { positional: ['lease', 'fence'] },
});

export const warm = method({
  summary: 'Make so many worktrees ready now',
  params: { ...addressing, count: z.int().min(1).max(100).describe('How many shall be ready') },
  result: picture,
  waits: true,
  cli: { positional: ['count'] },
});

export const drain = method({
  summary: 'Take the ready worktrees away; those that somebody holds stay',
  params: addressing,
  result: picture,
  waits: true,
});
