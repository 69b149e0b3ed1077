import * as z from 'zod';
import type { SnapshotRow } from '../../registry/rows.ts';

const id = z.string().min(1);
const commit = z.string().regex(/^[0-9a-f]{40,64}$/);

/** What a snapshot says of itself, as `meta.json` in its commit. Names of files are bytes as Latin-1. */
const record = z.object({
  version: z.literal(1),
  /** It names a ref. */
  id: z.string().regex(/^[0-9a-f]{16}$/),
  /** Of the daemon that made it: one repository may have several. */
  home: id,
  worktree: id,
  name: id,
  /** Null: HEAD was detached. */
  branch: z.string().nullable(),
  head: commit,
  base: z.string().nullable(),
  /** The branch's tip when wtd made or adopted the worktree. */
  baseCommit: commit,
  branchMade: z.boolean(),
  task: z.string().nullable(),
  reason: z.string(),
  createdAt: z.int().min(0),
  hasIndex: z.boolean(),
  /** False: the directory was gone, so that a checkout of the index takes its place. */
  hasTree: z.boolean(),
  /** Paths that HEAD may have and the tree had not. */
  absent: z.array(z.string()),
  /** Refs of the worktree alone. */
  refs: z.array(z.object({ name: z.string().regex(/^refs\/(bisect|worktree|rewritten)\//), id: commit })),
});

export type SnapshotRecord = z.infer<typeof record>;

/** Undefined when it is none that this version made. Pure. */
export function parseSnapshotRecord(text: string): SnapshotRecord | undefined {
  try {
    return record.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** The row that tells of it. Pure. */
export const rowOf = (told: SnapshotRecord, where: { repositoryId: string; commit: string }): SnapshotRow => ({
  id: told.id,
  repositoryId: where.repositoryId,
  worktreeId: told.worktree,
  name: told.name,
  branch: told.branch,
  base: told.base,
  baseCommit: told.baseCommit,
  commit: where.commit,
  reason: told.reason,
  createdAt: told.createdAt,
});
