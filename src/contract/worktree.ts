import { z } from 'zod';
import { method } from './method.ts';
import * as models from './models.ts';
import { addressing, id, name, text } from './parameters.ts';

const worktree = text(4096).min(1).describe('Id, absolute path, name or branch of the worktree');
const one = { ...addressing, worktree };

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
