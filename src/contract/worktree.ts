import * as z from 'zod';
import { method } from './method.ts';
import * as models from './models.ts';
import { addressing, id, name, path, revision, text } from './parameters.ts';

const worktree = text(4096).min(1).describe('Id, absolute path, name or branch of a worktree');
const task = text(4096).describe('What it is for');
const one = { ...addressing, worktree };

/** What is wrong with one branch is found out for that branch alone. */
const branches = z.array(text(1024).min(1)).min(1).max(100).describe('Branches, each with a worktree of its own');

const number = z.int().min(1).max(1_000_000_000);
const pr = z
  .union([number, z.strictObject({ number, url: text(4096).nullable().optional() }), z.null()])
  .describe('Number of its pull request');

const failure = z.object({
  branch: z.string(),
  error: z.object({ code: z.string(), message: z.string(), hint: z.string() }),
});

export const create = method({
  summary: 'Make worktrees, one for each branch; a branch that exists is attached',
  params: {
    ...addressing,
    branches,
    base: revision.describe('Branch or commit where new branches start (default: the default branch)').optional(),
    task: task.optional(),
    existing: z
      .enum(['attach', 'error'])
      .describe('What to do about a branch that exists (default: attach)')
      .optional(),
  },
  result: z.object({ created: z.array(models.worktree), failed: z.array(failure) }),
  cli: { positional: ['branches'] },
});

export const list = method({
  summary: 'List worktrees, also those that wtd did not make',
  params: { ...addressing, all: z.boolean().describe('Also those that are removed').optional() },
  result: z.object({ worktrees: z.array(models.worktree) }),
});

export const show = method({
  summary: 'Show one worktree',
  params: one,
  result: models.worktree,
  cli: { positional: ['worktree'] },
});

export const update = method({
  summary: 'Note what a worktree is for, its pull request, or what became of it',
  params: {
    ...one,
    task: task.nullable().optional(),
    pr: pr.optional(),
    declared: models.worktree.shape.declared.describe('What became of it').optional(),
  },
  result: models.worktree,
  cli: { positional: ['worktree'] },
});

export const adopt = method({
  summary: 'Take over a worktree that was made without wtd',
  params: { ...addressing, path: path.describe('Its directory') },
  result: models.worktree,
  cli: { positional: ['path'] },
});

export const remove = method({
  summary: 'Take a worktree away, after a snapshot; refuses when work would be lost',
  params: {
    ...one,
    deleteBranch: z.boolean().describe('Delete its branch as well').optional(),
    force: z.boolean().describe('Although work is in it; the snapshot brings it back').optional(),
    dryRun: z.boolean().describe('Only tell what would be in the way').optional(),
  },
  result: z.object({
    removed: z.boolean(),
    /** What a dry run saw, or force overrode. */
    blockers: z.array(models.blocker),
    snapshot: models.snapshot.nullable(),
    branchDeleted: z.boolean(),
    /** Nothing of it is left, neither among the worktrees nor in git's list. */
    directoryClean: z.boolean(),
    warnings: z.array(z.string()),
  }),
  waits: true,
  cli: { positional: ['worktree'] },
});

export const health = method({
  summary: 'Check whether a worktree is what it should be',
  params: one,
  result: z.object({
    worktree: z.string(),
    healthy: z.boolean(),
    checks: z.array(
      z.object({
        name: z.enum(['directory', 'pointer', 'listed', 'branch', 'head', 'operation', 'lock', 'ports', 'setup']),
        /** Null: it could not be found out. */
        ok: z.boolean().nullable(),
        detail: z.string(),
      }),
    ),
  }),
  cli: { positional: ['worktree'] },
});

export const snapshot = method({
  summary: 'Keep the whole state of a worktree: commits, index, changed and untracked files',
  params: { ...one, reason: text(1000).min(1).describe('What for (default: asked for)').optional() },
  result: models.snapshot,
  cli: { positional: ['worktree'] },
});

export const restore = method({
  summary: 'Make a worktree from a snapshot, as it was',
  params: {
    snapshot: id.describe('Id of the snapshot'),
    name: name.describe('Of the worktree and of a new branch (default: those of the snapshot)').optional(),
  },
  result: models.worktree,
  cli: { positional: ['snapshot'] },
});

export const snapshots = method({
  summary: 'List the snapshots, the newest first',
  params: addressing,
  result: z.object({ snapshots: z.array(models.snapshot) }),
});
