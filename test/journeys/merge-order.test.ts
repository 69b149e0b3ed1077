import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Result } from '../../src/contract/index.ts';
import type { Checkout } from '../rig/repository.ts';
import { Rig } from '../rig/rig.ts';

type Order = Result<'conflict.order'>;

interface Work {
  name: string;
  base?: string;
  dependsOn?: string[];
}

/** A plan whose branch has a commit that `change` makes. */
async function work(rig: Rig, wanted: string | Work, change: (checkout: Checkout) => void): Promise<void> {
  const { repository } = rig;
  const described: Work = typeof wanted === 'string' ? { name: wanted } : wanted;
  const { name, base = 'main' } = described;
  repository.git('checkout', '--quiet', '-b', `plan/${name}`, base);
  change(repository);
  repository.git('add', '--all');
  repository.git('commit', '--quiet', '--message', name);
  repository.git('checkout', '--quiet', 'main');
  await rig.call('plan.create', { repository: repository.path, ...described });
}

const writes =
  (files: Readonly<Record<string, string>>) =>
  (checkout: Checkout): void => {
    for (const [name, text] of Object.entries(files)) checkout.write(name, text);
  };

const order = (rig: Rig): Promise<Order> => rig.call('conflict.order', { repository: rig.repository.path });

const stepNames = ({ steps }: Order) => steps.map(({ plan }) => plan);
const stayingNames = ({ unmergeable }: Order) => unmergeable.map(({ plan }) => plan);

/** Merges the steps with plain git on a branch of its own; throws at the first that conflicts. */
function mergeByHand({ repository }: Rig, { steps }: Order): void {
  repository.git('checkout', '--quiet', '--detach', 'main');
  for (const { branch } of steps) repository.git('merge', '--quiet', '--no-edit', branch);
  repository.git('checkout', '--quiet', 'main');
}

test('wtd merge-order tells who comes home in which order, who cannot and why, and writes nothing', async () => {
  await using rig = await Rig.setUp();
  await work(rig, 'login', writes({ 'README.md': 'login\n', 'src/a.ts': 'login\n' }));
  await work(rig, 'cart', writes({ 'README.md': 'cart\n' }));
  await work(rig, 'search', writes({ 'src/a.ts': 'search\n' }));
  await work(rig, 'docs', writes({ 'docs.md': 'docs\n' }));
  const objects = () => rig.repository.git('count-objects', '-v') + rig.repository.git('for-each-ref');
  const before = objects();
  const answer = await order(rig);
  expect(answer).toEqual({
    steps: [
      {
        plan: 'docs',
        branch: 'plan/docs',
        into: 'main',
        position: 1,
        reason: 'merges cleanly and conflicts with nobody',
        conflictsWith: [],
      },
      {
        plan: 'cart',
        branch: 'plan/cart',
        into: 'main',
        position: 2,
        reason: 'conflicts with login in README.md, so only one of the two can come home as they are',
        conflictsWith: ['login'],
      },
      {
        plan: 'search',
        branch: 'plan/search',
        into: 'main',
        position: 3,
        reason: 'conflicts with login in src/a.ts, so only one of the two can come home as they are',
        conflictsWith: ['login'],
      },
    ],
    unmergeable: [
      {
        plan: 'login',
        branch: 'plan/login',
        into: 'main',
        reason:
          'conflicts with cart and search together in README.md and src/a.ts; once they are merged, see `wtd rebase login`',
        files: [
          { path: 'README.md', kind: 'content' },
          { path: 'src/a.ts', kind: 'addAdd' },
        ],
        with: ['cart', 'search'],
      },
    ],
    verified: true,
    exact: true,
  });
  expect(objects()).toBe(before);
  expect(readdirSync(join(rig.place.home, 'trials'))).toEqual([]);
  mergeByHand(rig, answer);
  const shown = await rig.wtd('merge-order');
  expect(shown.stdout).toMatch(
    /1 +docs +main +merges cleanly[^]*STAYS[^]*login[^]*3 plans like this was tried and works/,
  );
  expect(shown.exitCode).toBe(0);
  expect((await rig.wtd('merge-order', '--json')).json()).toEqual(answer);
});

test('without plans that have work there is nothing to order, and of one that is merged it is not told again', async () => {
  await using rig = await Rig.setUp();
  await rig.call('plan.create', { repository: rig.repository.path, name: 'idle' });
  expect(await order(rig)).toEqual({ steps: [], unmergeable: [], verified: true, exact: true });
  expect((await rig.wtd('merge-order')).stdout).toBe('nothing can be merged as it is\n');
  await work(rig, 'docs', writes({ 'docs.md': 'docs\n' }));
  expect(stepNames(await order(rig))).toEqual(['docs']);
  rig.repository.git('merge', '--quiet', '--no-ff', '--no-edit', 'plan/docs');
  expect(await order(rig)).toMatchObject({ steps: [], unmergeable: [] });
});

test('dependencies come first; one that is merged is no obstacle, one that cannot merge is, also by way of others', async () => {
  await using rig = await Rig.setUp();
  await rig.start('merged', ['sh', '-c', 'echo merged >merged.txt && git add . && git commit --quiet -m merged']);
  await rig.wait('merged');
  rig.repository.git('merge', '--quiet', '--no-ff', '--no-edit', 'plan/merged');
  await work(rig, { name: 'checkout', dependsOn: ['cart', 'merged'] }, writes({ 'checkout.txt': 'checkout\n' }));
  await work(rig, 'cart', writes({ 'cart.txt': 'cart\n' }));
  await work(rig, 'broken', writes({ 'README.md': 'broken\n' }));
  rig.repository.commit({ 'README.md': 'moved\n' });
  await work(rig, { name: 'waits', dependsOn: ['broken'] }, writes({ 'waits.txt': 'waits\n' }));
  await work(rig, { name: 'waits-too', dependsOn: ['waits'] }, writes({ 'too.txt': 'too\n' }));
  await work(rig, { name: 'lost', dependsOn: ['nobody'] }, writes({ 'lost.txt': 'lost\n' }));
  await work(rig, { name: 'early', dependsOn: ['idle'] }, writes({ 'early.txt': 'early\n' }));
  await rig.call('plan.create', { repository: rig.repository.path, name: 'idle' });
  const answer = await order(rig);
  expect(answer.verified).toBe(true);
  expect(answer.steps.map(({ plan, reason }) => [plan, reason])).toEqual([
    ['cart', 'merges cleanly and conflicts with nobody; before checkout, which waits for it'],
    ['checkout', 'merges cleanly and conflicts with nobody; after cart, which it depends on'],
  ]);
  const reasons = Object.fromEntries(answer.unmergeable.map(({ plan, reason }) => [plan, reason]));
  expect(reasons).toEqual({
    broken: 'conflicts with main itself in README.md; see `wtd rebase broken`',
    waits: 'waits for broken, which cannot come home',
    'waits-too': 'waits for waits, which cannot come home',
    lost: 'depends on nobody, and there is no plan of that name',
    early: 'depends on idle, which has nothing to merge yet',
  });
  expect(answer.unmergeable.find(({ plan }) => plan === 'broken')).toMatchObject({
    with: ['main'],
    files: [{ path: 'README.md', kind: 'content' }],
  });
});

const block = (word: string, count = 20) => Array.from({ length: count }, (_, n) => `${word} ${n}\n`).join('');

/**
 * One renames a file, the others make it so much longer, each at its own end, that after one of them git takes the
 * renamed file for another one. Each two of them merge.
 */
async function renameAndGrow(rig: Rig, more: { needs: string[] }): Promise<void> {
  rig.repository.commit({ 'old.txt': block('base') });
  const rename = (checkout: Checkout) => checkout.git('mv', 'old.txt', 'new.txt');
  await work(rig, 'rename', rename);
  const dependsOn = more.needs;
  await work(rig, { name: 'above', dependsOn }, writes({ 'old.txt': block('above', 50) + block('base') }));
  await work(rig, { name: 'below', dependsOn }, writes({ 'old.txt': block('base') + block('below', 50) }));
}

test('three that merge in pairs but not in every order are brought into one that works', async () => {
  await using rig = await Rig.setUp();
  await renameAndGrow(rig, { needs: [] });
  const answer = await order(rig);
  expect(answer).toMatchObject({ verified: true, unmergeable: [] });
  expect(stepNames(answer)).toEqual(['above', 'below', 'rename']);
  mergeByHand(rig, answer);
});

test('of three that merge in pairs but not in sum one stays behind, with those that it conflicts with', async () => {
  await using rig = await Rig.setUp();
  await renameAndGrow(rig, { needs: ['rename'] });
  const answer = await order(rig);
  expect(stepNames(answer)).toEqual(['rename', 'above']);
  expect(answer).toMatchObject({
    verified: true,
    unmergeable: [{ plan: 'below', with: ['rename', 'above'], files: [{ path: 'old.txt', kind: 'modifyDelete' }] }],
  });
  mergeByHand(rig, answer);
});

test('plans of different bases are chains of their own, and one on the branch of another follows it home', async () => {
  await using rig = await Rig.setUp();
  rig.repository.git('branch', 'release');
  await work(rig, 'ground', writes({ 'base.txt': 'ground\n' }));
  await work(rig, { name: 'top', base: 'plan/ground' }, writes({ 'base.txt': 'ground and top\n' }));
  await work(rig, { name: 'fix', base: 'release' }, writes({ 'base.txt': 'fix\n' }));
  const answer = await order(rig);
  expect(answer).toMatchObject({ verified: true, unmergeable: [] });
  expect(answer.steps.map(({ plan, into }) => [plan, into])).toEqual([
    ['ground', 'main'],
    ['top', 'main'],
    ['fix', 'release'],
  ]);
  expect(answer.steps[1]?.reason).toContain('after ground, on whose branch it stands');
});

/** How many come home at most: every order, with plain git in a clone of its own. */
function bruteForce(rig: Rig, plans: readonly string[]): number {
  const path = rig.place.makeDirectory('clone');
  rig.repository.git('clone', '--quiet', '--no-local', '.', path);
  const clone = rig.repository.at(path);
  clone.git('checkout', '--quiet', '--detach', 'origin/main');
  const head = () => readFileSync(join(path, '.git', 'HEAD'), 'utf8').trim();
  const merge = (onto: string, plan: string): string | undefined => {
    if (head() !== onto) clone.git('reset', '--quiet', '--hard', onto);
    try {
      clone.git('merge', '--quiet', '--no-edit', `origin/plan/${plan}`);
      return head();
    } catch {
      clone.git('merge', '--abort');
      return undefined;
    }
  };
  const visit = (onto: string, left: readonly string[]): number => {
    const counts = left.map((plan) => {
      const next = merge(onto, plan);
      const others = left.filter((other) => other !== plan);
      return next === undefined ? 0 : 1 + visit(next, others);
    });
    return Math.max(0, ...counts);
  };
  return visit(head(), plans);
}

/** Numbers that are the same for a seed. */
function numbersOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

/** Edits, renames and deletes of a few files that all six have in common. */
function someChange(pick: (below: number) => number, name: string): (checkout: Checkout) => void {
  return (checkout) => {
    for (let edits = 1 + pick(2); edits > 0; edits -= 1) {
      const file = `file${pick(3)}.txt`;
      const lines = block('line', 12).split('\n');
      lines.splice(pick(12), 1 + pick(2), `${name} ${edits}`);
      checkout.write(file, lines.join('\n'));
    }
    if (pick(4) === 0) checkout.git('mv', 'file0.txt', pick(2) === 0 ? 'moved.txt' : `${name}.txt`);
    if (pick(5) === 0) checkout.git('rm', '--quiet', '--force', 'file1.txt');
  };
}

test.each([2, 4])(
  'as many come home as by plain git in every order of six plans, history %i',
  async (seed) => {
    await using rig = await Rig.setUp();
    const pick = numbersOf(seed);
    rig.repository.commit(Object.fromEntries([0, 1, 2].map((n) => [`file${n}.txt`, block('line', 12)])));
    const plans = ['one', 'two', 'three', 'four', 'five', 'six'];
    for (const name of plans) await work(rig, name, someChange(pick, name));
    const answer = await order(rig);
    expect([answer.verified, answer.exact]).toEqual([true, true]);
    expect([...stepNames(answer), ...stayingNames(answer)].sort()).toEqual([...plans].sort());
    expect(answer.steps).toHaveLength(bruteForce(rig, plans));
    expect(answer.steps.length, 'a history in which nothing conflicts shows nothing').toBeLessThan(6);
    mergeByHand(rig, answer);
  },
  120_000,
);

test('groups that conflict only among themselves are told apart, and more than eight in one are not tried in every order', async () => {
  await using rig = await Rig.setUp();
  for (let n = 0; n < 5; n += 1) {
    await work(rig, `one${n}`, writes({ [`${n}.txt`]: 'one\n' }));
    await work(rig, `other${n}`, writes({ [`${n}.txt`]: 'other\n' }));
  }
  const pairs = await order(rig);
  expect(pairs).toMatchObject({ verified: true, exact: true });
  expect(stepNames(pairs)).toEqual([0, 1, 2, 3, 4].map((n) => `one${n}`));
  // One that conflicts with all of them makes them one group.
  await work(rig, 'all', writes(Object.fromEntries([0, 1, 2, 3, 4].map((n) => [`${n}.txt`, 'all\n']))));
  const answer = await order(rig);
  expect(answer).toMatchObject({ verified: true, exact: false });
  expect(stepNames(answer)).toEqual(stepNames(pairs));
  expect((await rig.wtd('merge-order')).stdout).toContain('not every order was tried');
  mergeByHand(rig, answer);
});
