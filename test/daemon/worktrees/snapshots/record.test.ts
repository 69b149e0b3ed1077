import { expect, test } from 'vitest';
import { parseSnapshotRecord, type SnapshotRecord } from '../../../../src/daemon/worktrees/snapshots/record.ts';

const record: SnapshotRecord = {
  version: 1,
  id: '0123456789abcdef',
  home: '/home/ada/.local/state/wtd',
  worktree: 'fedcba9876543210',
  name: 'plan-login',
  branch: null,
  head: 'a'.repeat(40),
  base: null,
  baseCommit: 'b'.repeat(64),
  branchMade: true,
  task: null,
  reason: 'asked for',
  createdAt: 1,
  hasIndex: true,
  hasTree: true,
  absent: ['\u00ff\n'],
  refs: [{ name: 'refs/bisect/bad', id: 'c'.repeat(40) }],
};

test('what a snapshot says of itself is read as it was written', () => {
  expect(parseSnapshotRecord(JSON.stringify(record))).toEqual(record);
});

test('what says something else is no snapshot', () => {
  const others = [
    'no JSON',
    'null',
    JSON.stringify({ ...record, version: 2 }),
    JSON.stringify({ ...record, id: '../../heads/main' }),
    JSON.stringify({ ...record, head: 'main' }),
    JSON.stringify({ ...record, refs: [{ name: 'refs/heads/main', id: record.head }] }),
  ];
  for (const text of others) expect(parseSnapshotRecord(text), text).toBeUndefined();
});
