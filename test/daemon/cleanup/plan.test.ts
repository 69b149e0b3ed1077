import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { planSweep, type Candidate, type Seen, type Terms } from '../../../src/daemon/cleanup/plan.ts';
import type { PlanRow, RepositoryRow, WorktreeRow } from '../../../src/daemon/registry/rows.ts';
import { newRow } from '../../../src/daemon/worktrees/new-row.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const now = 1_000 * dayMs;

const terms: Terms = { now, olderThanMs: undefined, believesAges: true, budgetMb: null, otherMb: 0 };
const policy = { idleMs: dayMs, maxAgeMs: 14 * dayMs, keepFailed: true };
const clean: Seen = {
  findings: { path: '/w', status: { changed: 0, untracked: 0, conflicted: 0 }, operation: null, unreachableCommits: 0 },
  claim: null,
  isMissing: false,
  isUnmerged: false,
  isMerged: false,
};

const row = (more: Partial<WorktreeRow> = {}): WorktreeRow => ({
  ...newRow({
    repositoryId: 'r',
    name: 'plan-login',
    branch: 'plan/login',
    branchMade: true,
    base: 'main',
    baseCommit: 'c',
    path: '/w',
    kind: 'plan',
    state: 'in_use',
    createdAt: now - 100 * dayMs,
    ports: { start: 8100, end: 8109 },
  }),
  id: 'w',
  useCount: 1,
  lastUsedAt: now,
  ...more,
});

const candidate = (more: Partial<Candidate> = {}, ofRow: Partial<WorktreeRow> = {}): Candidate => ({
  row: row(ofRow),
  repository: { id: 'r', name: 'shop' } as RepositoryRow,
  plan: { name: 'login' } as PlanRow,
  policy,
  isBusy: false,
  activeRun: null,
  leaseHolder: null,
  occupant: null,
  diskMb: null,
  seen: clean,
  ...more,
});

const seen = (more: Partial<Seen>): Partial<Candidate> => ({ seen: { ...clean, ...more } });
const unused = (forMs: number): Partial<WorktreeRow> => ({ lastUsedAt: now - forMs });

/** `remove: idle` or `keep: recent`. */
function verdict(one: Candidate, more: Partial<Terms> = {}): string {
  const { remove, keep } = planSweep([one], { ...terms, ...more });
  expect(remove.length + keep.length).toBe(1);
  return remove[0] ? `remove: ${remove[0].reason}` : `keep: ${keep[0]?.reason ?? ''}`;
}

describe('what goes', () => {
  test('is idle, old, merged, abandoned or orphaned', () => {
    expect(verdict(candidate({}, unused(dayMs)))).toBe('remove: idle');
    expect(verdict(candidate({}, unused(14 * dayMs)))).toBe('remove: old');
    expect(verdict(candidate(seen({ isMerged: true })))).toBe('remove: merged');
    expect(verdict(candidate({}, { declared: 'merged' }))).toBe('remove: merged');
    expect(verdict(candidate({}, { declared: 'abandoned' }))).toBe('remove: abandoned');
    expect(verdict(candidate({ plan: undefined }))).toBe('remove: orphaned');
    expect(verdict(candidate(seen({ isMissing: true })))).toBe('remove: orphaned');
    expect(verdict(candidate({ plan: undefined }, { kind: 'named' }))).toBe('keep: recent');
  });

  test('is counted from the last use, else from its making', () => {
    expect(verdict(candidate({}, unused(dayMs - 1)))).toBe('keep: recent');
    expect(verdict(candidate({}, { lastUsedAt: null, createdAt: now - dayMs }))).toBe('remove: idle');
    expect(verdict(candidate({}, unused(-dayMs))), 'by a clock that was set back').toBe('keep: recent');
  });

  test('is nothing for its age while the clock is not believed', () => {
    expect(verdict(candidate({}, unused(99 * dayMs)), { believesAges: false })).toBe('keep: recent');
    expect(verdict(candidate(seen({ isMerged: true })), { believesAges: false })).toBe('remove: merged');
  });

  test('is what is older than asked for, whatever the policy says', () => {
    expect(verdict(candidate({}, unused(hourMs)), { olderThanMs: hourMs })).toBe('remove: old');
    expect(verdict(candidate({}, unused(0)), { olderThanMs: 0 })).toBe('remove: old');
    expect(verdict(candidate({}, unused(20 * dayMs)), { olderThanMs: 30 * dayMs })).toBe('keep: recent');
    expect(verdict(candidate(seen({ isMerged: true })), { olderThanMs: 30 * dayMs })).toBe('remove: merged');
  });

  test('is not what waits in the pool for its first holder, until it is old', () => {
    const ready = { kind: 'pool', state: 'available', useCount: 0 } as const;
    expect(verdict(candidate({}, { ...ready, ...unused(3 * dayMs) }))).toBe('keep: recent');
    expect(verdict(candidate({}, { ...ready, ...unused(14 * dayMs) }))).toBe('remove: old');
    expect(verdict(candidate({}, { ...ready, ...unused(3 * dayMs), useCount: 2 }))).toBe('remove: idle');
  });
});

describe('what stays', () => {
  const old = unused(999 * dayMs);

  test('is whatever holds work or is held, with every reason', () => {
    const status = { changed: 1, untracked: 2, conflicted: 0 };
    const { keep } = planSweep(
      [candidate(seen({ isUnmerged: true, findings: { ...clean.findings, status } }), old)],
      terms,
    );
    expect(keep).toMatchObject([
      {
        worktree: 'w',
        reason: 'uncommitted',
        detail: '1 changed file not committed, 2 untracked files, it has commits that are not merged',
      },
    ]);
    expect(verdict(candidate({ activeRun: 'x', seen: undefined }, old))).toBe('keep: active_run');
    expect(verdict(candidate({ leaseHolder: 'x', seen: undefined }, old))).toBe('keep: leased');
    expect(verdict(candidate({ occupant: 'x', seen: undefined }, old))).toBe('keep: in_use');
    expect(verdict(candidate({ seen: undefined }, old))).toBe('keep: unverified');
    expect(verdict(candidate(seen({ claim: undefined }), old))).toBe('keep: unverified');
    expect(verdict(candidate(seen({ isUnmerged: undefined }), old))).toBe('keep: unverified');
    expect(verdict(candidate(seen({ isUnmerged: true }), { declared: 'merged' }))).toBe('keep: unmerged');
    expect(verdict(candidate({}, { ...old, state: 'creating' }))).toBe('keep: busy');
  });

  test('is what failed, while that is wanted, unless it was given up', () => {
    expect(verdict(candidate({}, { ...old, state: 'failed' }))).toBe('keep: failed');
    expect(verdict(candidate({}, { ...old, state: 'failed', declared: 'abandoned' }))).toBe('remove: abandoned');
    expect(verdict(candidate({ policy: { ...policy, keepFailed: false } }, { ...old, state: 'failed' }))).toBe(
      'remove: old',
    );
  });

  test('is what was adopted, until it is merged or abandoned', () => {
    expect(verdict(candidate({}, { ...old, kind: 'adopted' }))).toBe('keep: adopted');
    expect(verdict(candidate(seen({ isMissing: true }), { ...old, kind: 'adopted' }))).toBe('keep: adopted');
    expect(verdict(candidate(seen({ isMerged: true }), { kind: 'adopted' }))).toBe('remove: merged');
  });
});

describe('the disk budget', () => {
  const sized = (id: string, diskMb: number | null, forMs: number) => candidate({ diskMb }, { id, ...unused(forMs) });
  const gone = (candidates: Candidate[], more: Partial<Terms>) =>
    planSweep(candidates, { ...terms, ...more }).remove.map(({ worktree, reason }) => `${worktree} ${reason}`);

  test('takes the longest unused, of these the largest, until the rest fits', () => {
    const candidates = [sized('a', 10, hourMs), sized('b', 20, 2 * hourMs), sized('c', 30, 2 * hourMs)];
    expect(gone(candidates, { budgetMb: 60 })).toEqual([]);
    expect(gone(candidates, { budgetMb: 59 })).toEqual(['c over_budget']);
    expect(gone(candidates, { budgetMb: 29 })).toEqual(['b over_budget', 'c over_budget']);
    expect(gone(candidates, { budgetMb: 59, otherMb: 100 })).toHaveLength(3);
  });

  test('takes nothing of unknown size, nothing unsafe, and less when others go anyway', () => {
    const unmerged = { ...sized('b', 100, hourMs), ...seen({ isUnmerged: true }) };
    const candidates = [sized('a', null, hourMs), unmerged, sized('c', 50, hourMs)];
    expect(gone(candidates, { budgetMb: 10 })).toEqual(['c over_budget']);
    expect(gone([sized('d', 60, 2 * dayMs), ...candidates], { budgetMb: 150 })).toEqual(['d idle']);
  });

  test('what would be freed is the sum of what is known', () => {
    const candidates = [sized('a', 10.25, 2 * dayMs), sized('b', null, 2 * dayMs), sized('c', 5, 0)];
    expect(planSweep(candidates, terms).freeMb).toBe(10.3);
  });
});

const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });
/** Or else hardly anything would be safe. */
const mostly = <T>(usual: T, ...odd: T[]) =>
  fc.oneof({ weight: 12, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...odd) });
const count = mostly(0, 1);
const anySeen: fc.Arbitrary<Seen> = fc.record({
  findings: fc.record({
    path: fc.constant('/w'),
    status: fc.option(fc.record({ changed: count, untracked: count, conflicted: count }), { nil: undefined }),
    operation: mostly<string | null | undefined>(null, 'rebase', undefined),
    unreachableCommits: mostly<number | undefined>(0, 3, undefined),
  }),
  claim: mostly<Seen['claim']>(null, { code: 'locked', message: 'locked' }, undefined),
  isMissing: fc.boolean(),
  isUnmerged: mostly<boolean | undefined>(false, true, undefined),
  isMerged: fc.boolean(),
});
const anyCandidate: fc.Arbitrary<Candidate> = fc
  .record({
    ofRow: fc.record({
      id: fc.uuid(),
      kind: fc.constantFrom('plan', 'named', 'pool', 'session', 'adopted'),
      state: fc.constantFrom('creating', 'available', 'in_use', 'cleaning', 'failed', 'removed', 'available', 'in_use'),
      declared: fc.constantFrom('active', 'merged', 'abandoned', 'error'),
      useCount: fc.nat(3),
      lastUsedAt: maybe(fc.integer({ min: now - 100 * dayMs, max: now + dayMs })),
    }),
    more: fc.record({
      plan: fc.constantFrom(undefined, { name: 'login' } as PlanRow),
      isBusy: mostly(false, true),
      activeRun: mostly<string | null>(null, 'run'),
      leaseHolder: mostly<string | null>(null, 'somebody'),
      occupant: mostly<string | null>(null, 'process 1'),
      diskMb: maybe(fc.nat(1000)),
      seen: fc.option(anySeen, { nil: undefined, freq: 12 }),
      policy: fc.record({ idleMs: fc.nat(dayMs), maxAgeMs: fc.nat(20 * dayMs), keepFailed: fc.boolean() }),
    }),
  })
  .map(({ ofRow, more }) => candidate(more, ofRow as Partial<WorktreeRow>));
const anyTerms: fc.Arbitrary<Terms> = fc.record({
  now: fc.constant(now),
  olderThanMs: fc.option(fc.nat(dayMs), { nil: undefined }),
  believesAges: fc.boolean(),
  budgetMb: maybe(fc.nat(2000)),
  otherMb: fc.nat(1000),
});

/** Said once more and in another way than the code does. */
function isSafe({ row: { state }, seen: looked, ...held }: Candidate): boolean {
  if (held.isBusy || held.activeRun !== null || held.leaseHolder !== null || held.occupant !== null) return false;
  if (!['available', 'in_use', 'failed'].includes(state) || !looked) return false;
  const { status, operation, unreachableCommits } = looked.findings;
  const isClean = status?.changed === 0 && status.untracked === 0 && status.conflicted === 0;
  return (
    isClean && operation === null && unreachableCommits === 0 && looked.claim === null && looked.isUnmerged === false
  );
}

test('nothing that is dirty, unmerged, held, locked or unverified ever goes, whatever else is true of it', () => {
  let removed = 0;
  fc.assert(
    fc.property(fc.array(anyCandidate, { maxLength: 12 }), anyTerms, (candidates, asked) => {
      const { remove, keep } = planSweep(candidates, asked);
      const byId = new Map(candidates.map((one) => [one.row.id, one]));
      expect(remove.length + keep.length).toBe(candidates.length);
      for (const { worktree } of remove) {
        const one = byId.get(worktree);
        expect(one && isSafe(one)).toBe(true);
        if (one?.row.kind === 'adopted')
          expect(['merged', 'abandoned'].includes(one.row.declared) || one.seen?.isMerged).toBe(true);
      }
      removed += remove.length;
    }),
    { numRuns: 3000 },
  );
  expect(removed, 'the property says something').toBeGreaterThan(100);
});
