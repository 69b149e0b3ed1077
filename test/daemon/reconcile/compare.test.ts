import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compare, type World } from '../../../src/daemon/reconcile/compare.ts';
import { detailOf, keyOf, subjectOf } from '../../../src/daemon/reconcile/describe.ts';
import {
  agreeingWorld,
  asked,
  listed,
  marked,
  ownEntry,
  pathOf,
  planRow,
  runRow,
  withGit,
  worktree,
  type Stage,
} from './world.ts';

const found = (world: World): [string, string][] =>
  compare(world).map((difference) => [difference.kind, subjectOf(difference)]);

const shop = (stages: Record<string, Stage> = { login: 'ended' }): World => agreeingWorld({ shop: stages });
const login = pathOf('shop', 'login');

describe('a worktree that git lists and no row has', () => {
  const withEntry = (entry: ReturnType<typeof listed>) =>
    withGit(shop(), 'shop', (git) => ({ ...git, listed: [...git.listed, entry] }));

  test("is a difference when wtd locked it, wherever it lies, or when it lies among wtd's", () => {
    const elsewhere = ownEntry('shop', 'lost', { path: '/elsewhere/plan-lost' });
    expect(found(withEntry(elsewhere))).toEqual([['worktree_without_row', '/elsewhere/plan-lost']]);
    const byHand = listed('/r/shop/worktrees/mine', { branch: 'mine' });
    expect(found(withEntry(byHand))).toEqual([['worktree_without_row', '/r/shop/worktrees/mine']]);
  });

  test('is none when somebody made it elsewhere, also with a lock of their own or a like name', () => {
    expect(found(withEntry(listed('/r/shop-mine', { branch: 'mine' })))).toEqual([]);
    expect(found(withEntry(listed('/r/shop-mine', { locked: true, lockReason: 'on a stick' })))).toEqual([]);
    expect(found(withEntry(listed('/r/shop/worktrees-old/mine')))).toEqual([]);
  });

  test('is none while its row is being made or taken away', () => {
    for (const state of ['creating', 'cleaning'] as const) {
      const world = withEntry(ownEntry('shop', 'new'));
      expect(found({ ...world, worktrees: [...world.worktrees, worktree('shop', 'new', { state })] })).toEqual([]);
    }
  });

  test('whose directory is gone as well is an entry to prune, though git never says so of one that is locked', () => {
    const world = withGit(withEntry(ownEntry('shop', 'lost')), 'shop', (git) => ({
      ...git,
      missingPaths: new Set([pathOf('shop', 'lost')]),
    }));
    expect(found(world)).toEqual([['prunable_entry', pathOf('shop', 'lost')]]);
    expect(found(withEntry(listed('/r/gone', { branch: 'gone', prunable: true })))).toEqual([
      ['prunable_entry', '/r/gone'],
    ]);
  });

  test('is none when its directory is gone but somebody locked it on purpose', () => {
    const path = '/r/shop/worktrees/stick';
    const world = withGit(withEntry(listed(path, { locked: true, lockReason: 'on a stick' })), 'shop', (git) => ({
      ...git,
      missingPaths: new Set([path]),
    }));
    expect(found(world)).toEqual([]);
  });
});

describe('a row whose worktree is not there', () => {
  const unlisted = withGit(shop(), 'shop', (git) => ({ ...git, listed: git.listed.slice(0, 1) }));
  const missing = (world: World) => withGit(world, 'shop', (git) => ({ ...git, missingPaths: new Set([login]) }));

  test('is a difference when git does not list it, when its directory is gone, and once when both', () => {
    expect(found(unlisted)).toEqual([['row_without_worktree', login]]);
    expect(found(missing(shop()))).toEqual([['row_without_worktree', login]]);
    expect(found(missing(unlisted))).toEqual([['row_without_worktree', login]]);
    expect(compare(unlisted).map(detailOf)).toEqual([expect.stringContaining('does not list')]);
    expect(compare(missing(unlisted)).map(detailOf)).toEqual([expect.stringContaining('directory is gone')]);
  });

  test('is one difference also when git calls its entry prunable', () => {
    const entry = ownEntry('shop', 'login', { locked: false, lockReason: null, prunable: true });
    const world = withGit(missing(shop()), 'shop', (git) => ({ ...git, listed: [...git.listed.slice(0, 1), entry] }));
    expect(found(world)).toEqual([['row_without_worktree', login]]);
  });

  test('is none while it is being made or taken away', () => {
    for (const state of ['creating', 'cleaning'] as const) {
      const worktrees = [worktree('shop', 'login', { state })];
      expect(found({ ...missing(unlisted), worktrees })).toEqual([]);
    }
  });

  test('is none while a run is being started in it, and one while a run waits for its turn', () => {
    const plan = planRow('shop', 'login', { worktreeId: 'w-shop-login' });
    const starting = runRow(plan, { state: 'starting', worktreeId: null });
    expect(found({ ...missing(shop()), activeRuns: [starting] })).toEqual([]);
    const queued = runRow(plan, { state: 'queued' });
    expect(found({ ...missing(shop()), activeRuns: [queued] })).toEqual([['row_without_worktree', login]]);
    expect(found({ ...missing(shop()), activeRuns: [queued], underWay: new Set([queued.id]) })).toEqual([]);
  });
});

describe('a branch', () => {
  const withBranch = (name: string, world = shop()) =>
    withGit(world, 'shop', (git) => ({ ...git, emptyBranches: new Map([[name, 'c1']]) }));

  test('without commits is a difference when neither plan nor worktree has it', () => {
    expect(found(withBranch('plan/old'))).toEqual([['orphan_branch', 'plan/old']]);
  });

  test('is none outside of the prefix', () => {
    expect(found(withBranch('planned'))).toEqual([]);
    expect(found(withBranch('feature/plan/old'))).toEqual([]);
  });

  test('is none while a plan, a row or a worktree made by hand has it', () => {
    expect(found(withBranch('plan/login'))).toEqual([]);
    expect(found(withBranch('plan/idle', shop({ idle: 'idle' })))).toEqual([]);
    const creating = { ...shop(), worktrees: [...shop().worktrees, worktree('shop', 'new', { state: 'creating' })] };
    expect(found(withBranch('plan/new', creating))).toEqual([]);
    const byHand = withGit(withBranch('plan/mine'), 'shop', (git) => ({
      ...git,
      listed: [...git.listed, listed('/r/mine', { branch: 'plan/mine' })],
    }));
    expect(found(byHand)).toEqual([]);
    const inMain = withGit(withBranch('plan/mine'), 'shop', (git) => ({
      ...git,
      listed: [listed('/r/shop', { branch: 'plan/mine' }), ...git.listed.slice(1)],
    }));
    expect(found(inMain)).toEqual([]);
  });

  test('is one although a plan of another repository has its name', () => {
    const world = withBranch('plan/old', agreeingWorld({ shop: {}, blog: { old: 'idle' } }));
    expect(found(world)).toEqual([['orphan_branch', 'plan/old']]);
  });
});

describe('ports', () => {
  const ownerless = (rest = {}) => ({ ...shop(), plans: [], worktrees: [worktree('shop', 'login', rest)] });

  test('of a worktree that no plan has are a difference', () => {
    expect(found(ownerless())).toEqual([['port_without_owner', login]]);
    const other = planRow('shop', 'login', { worktreeId: 'another' });
    expect(found({ ...ownerless(), plans: [other] })).toEqual([['port_without_owner', login]]);
  });

  test('are none of a worktree that is no plan, or that is being made or taken away', () => {
    expect(found(ownerless({ kind: 'named' }))).toEqual([]);
    expect(found(ownerless({ portStart: null, portEnd: null }))).toEqual([]);
    expect(found(ownerless({ state: 'creating' }))).toEqual([]);
    expect(found(ownerless({ state: 'cleaning' }))).toEqual([]);
  });
});

describe('runs', () => {
  test('a directory without a row is a difference unless its start is under way', () => {
    const world = { ...shop(), runDirectories: ['stray'], unknownRuns: new Set(['stray']) };
    expect(found(world)).toEqual([['run_directory_without_row', 'stray']]);
    expect(found({ ...world, underWay: new Set(['stray']) })).toEqual([]);
    expect(found({ ...world, unknownRuns: new Set() })).toEqual([]);
  });

  test('a process is a difference when its run is over or unknown, and none while it is active or under way', () => {
    const over = { ...shop(), processes: [marked(42, 'r-shop-login')] };
    expect(found(over)).toEqual([['process_without_run', '42']]);
    expect(compare(over).map(detailOf)).toEqual(['`sleep 1000` was started by run r-shop-login, which is over']);
    const unknown = { ...shop(), processes: [marked(42, 'x')], unknownRuns: new Set(['x']) };
    expect(compare(unknown).map(detailOf)).toEqual([expect.stringContaining('does not know')]);
    expect(found({ ...unknown, underWay: new Set(['x']) })).toEqual([]);
    expect(found(shop({ login: 'running' }))).toEqual([]);
  });
});

describe('a repository', () => {
  test('that is gone is the one difference, whatever its rows say', () => {
    const world = withGit(agreeingWorld({ shop: { login: 'ended' }, blog: { post: 'ended' } }), 'shop', () => ({
      kind: 'gone',
    }));
    expect(found(world)).toEqual([['row_without_repository', '/r/shop']]);
    expect(compare(world).map(detailOf)).toEqual([expect.stringContaining('1 plans and 1 worktrees')]);
  });

  test('that could not be asked is none: unknown is not gone', () => {
    expect(found(withGit(shop(), 'shop', () => ({ kind: 'unknown', cause: 'no permission' })))).toEqual([]);
  });
});

const stages = fc.dictionary(fc.stringMatching(/^[a-z]{1,6}$/), fc.constantFrom<Stage>('idle', 'ended', 'running'), {
  maxKeys: 6,
});
const worlds = fc.dictionary(fc.constantFrom('shop', 'blog', 'wiki'), stages, { minKeys: 1 }).map(agreeingWorld);

/** Each makes one difference, or answers undefined where the world has nothing to make it of. */
const injections: Record<string, (world: World, pick: number) => [World, string] | undefined> = {
  worktree_without_row: (world) => {
    const id = world.repositories[0]?.row.id ?? '';
    const entry = ownEntry(id, 'LOST');
    return [withGit(world, id, (git) => ({ ...git, listed: [...git.listed, entry] })), entry.path];
  },
  prunable_entry: (world) => {
    const id = world.repositories[0]?.row.id ?? '';
    const entry = listed(`/gone/${id}`, { prunable: true });
    return [withGit(world, id, (git) => ({ ...git, listed: [...git.listed, entry] })), entry.path];
  },
  orphan_branch: (world) => {
    const id = world.repositories[0]?.row.id ?? '';
    return [withGit(world, id, (git) => ({ ...git, emptyBranches: new Map([['plan/OLD', 'c9']]) })), 'plan/OLD'];
  },
  row_without_worktree: (world, pick) => {
    const row = world.worktrees[pick % Math.max(1, world.worktrees.length)];
    if (!row) return undefined;
    return [withGit(world, row.repositoryId, (git) => ({ ...git, missingPaths: new Set([row.path]) })), row.path];
  },
  port_without_owner: (world, pick) => {
    const row = world.worktrees[pick % Math.max(1, world.worktrees.length)];
    if (!row) return undefined;
    return [{ ...world, plans: world.plans.filter(({ worktreeId }) => worktreeId !== row.id) }, row.path];
  },
  run_directory_without_row: (world) => [
    { ...world, runDirectories: [...world.runDirectories, 'STRAY'], unknownRuns: new Set(['STRAY']) },
    'STRAY',
  ],
  process_without_run: (world) => [{ ...world, processes: [...world.processes, marked(7, 'OVER')] }, '7'],
  row_without_repository: (world, pick) => {
    const { row } = world.repositories[pick % world.repositories.length] ?? {};
    return row && [withGit(world, row.id, () => ({ kind: 'gone' })), row.path];
  },
};

describe('any world', () => {
  test('in which everything says the same has no differences', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        expect(found(world)).toEqual([]);
      }),
    );
  });

  test.each(Object.keys(injections))('with one %s has exactly that difference', (kind) => {
    let count = 0;
    fc.assert(
      fc.property(worlds, fc.nat(100), (world, pick) => {
        const injected = injections[kind]?.(world, pick);
        if (!injected) return;
        count += 1;
        expect(found(injected[0])).toEqual([[kind, injected[1]]]);
      }),
    );
    expect(count).toBeGreaterThan(10);
  });

  test('gives every difference a key of its own', () => {
    const both = agreeingWorld({ shop: {}, blog: {} });
    const branches = { emptyBranches: new Map([['plan/old', 'c1']]) };
    const world = withGit(
      withGit(both, 'shop', () => asked('shop', branches)),
      'blog',
      () => asked('blog', branches),
    );
    expect(new Set(compare(world).map(keyOf)).size).toBe(2);
  });
});
