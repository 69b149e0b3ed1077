import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Result } from '../../src/contract/index.ts';
import { footprint } from '../rig/footprint.ts';
import { complete, donePlan, leaveTarget, showPlan, stateOf } from '../rig/homecoming.ts';
import type { Checkout } from '../rig/repository.ts';
import { Rig } from '../rig/rig.ts';

const url = 'https://github.example/shop/shop/pull/7';

/** A bare remote, and in the place of gh a script that notes its words and does what it is told. */
class Forge {
  readonly env: Record<string, string>;
  readonly remote: Checkout;
  readonly #directory: string;

  constructor(rig: Rig) {
    this.#directory = rig.place.makeDirectory('bin');
    this.env = { ...rig.place.env, PATH: `${this.#directory}:${rig.place.env['PATH'] ?? ''}` };
    this.remote = rig.repository.at(rig.place.makeDirectory('remote.git'));
    this.remote.git('init', '--quiet', '--bare', '--initial-branch=main');
    rig.repository.git('remote', 'add', 'origin', this.remote.path);
    rig.repository.git('push', '--quiet', 'origin', 'main');
    this.does(`if [ "$2" = create ]; then echo ${url}; else echo '[]'; fi`);
  }

  does(script: string): void {
    const file = join(this.#directory, 'gh');
    writeFileSync(file, `#!/bin/sh\nprintf '%s\\n' "$@" -- >> '${this.#words}'\n${script}\n`);
    chmodSync(file, 0o755);
  }

  get #words(): string {
    return join(this.#directory, 'words');
  }

  /** Every call, its words one a line. */
  said(): string {
    return existsSync(this.#words) ? readFileSync(this.#words, 'utf8') : '';
  }
}

test('wtd complete --pr pushes the branch and asks others for the merge; nothing else changes', async () => {
  await using rig = await Rig.setUp();
  const forge = new Forge(rig);
  const worktree = await donePlan(rig, 'login');
  const [marks, before] = [await footprint(rig), await stateOf(rig, 'login')];
  const dry = await rig.spawnWtd(['complete', 'login', '--pr', '--dry-run'], { env: forge.env }).finished();
  expect(dry).toMatchObject({ exitCode: 0, stderr: '' });
  expect(dry.stdout).toBe(
    'the merge of login into main would be asked for; nothing has changed:\n  1. push plan/login to origin\n  2. open a pull request of plan/login into main\n',
  );
  expect([forge.said(), forge.remote.branches()]).toEqual(['', ['main']]);
  expect(await stateOf(rig, 'login')).toEqual(before);

  const real = await rig.spawnWtd(['complete', 'login', '--pr'], { env: forge.env }).finished();
  expect(real).toMatchObject({
    exitCode: 0,
    stdout: `the merge of login into main is asked for: ${url}\n`,
    stderr: '',
  });
  expect(forge.remote.git('rev-parse', 'plan/login')).toBe(worktree.git('rev-parse', 'HEAD'));
  expect(forge.remote.git('rev-parse', 'main')).toBe(rig.repository.git('rev-parse', 'main'));
  expect(forge.said()).toContain('--head\nplan/login\n--base\nmain\n--title\nWork of login\n');
  expect(await footprint(rig)).toEqual(marks);
  const shown = await showPlan(rig, 'login');
  expect([shown.state, shown.outcome]).toEqual(['succeeded', null]);
  const { worktrees } = await rig.call('worktree.list', { repository: 'shop' });
  expect(worktrees.find(({ path }) => path === worktree.path)?.pr).toEqual({ number: 7, url });
});

test('what stands in the way of the merge stands in the way of a pull request, and nothing is pushed', async () => {
  await using rig = await Rig.setUp();
  const forge = new Forge(rig);
  const worktree = await donePlan(rig, 'login');
  worktree.write('unsaved.txt', 'mine\n');
  const refused = await rig.spawnWtd(['complete', 'login', '--pr'], { env: forge.env }).finished();
  expect(refused.exitCode).toBe(7);
  expect(refused.stderr).toContain('1 untracked file');
  expect([forge.said(), forge.remote.branches()]).toEqual(['', ['main']]);
  const all = await rig.spawnWtd(['complete', '--all', '--pr'], { env: forge.env }).finished();
  expect(all).toMatchObject({ exitCode: 2, stdout: '' });
});

test('a run in the checkout of the target does not stand in the way of a pull request', async () => {
  await using rig = await Rig.setUp();
  const forge = new Forge(rig);
  const { child, run } = await rig.startSteered('holder');
  await donePlan(rig, 'login');
  leaveTarget(rig);
  rig.repository.at(run.cwd ?? '').git('switch', '--quiet', '--ignore-other-worktrees', 'main');
  expect(await complete(rig, 'login', { pr: true, env: forge.env })).toMatchObject({ pr: { number: 7 } });
  await child.exit(0);
});

test('a pull request of a plan on the branch of another goes where that one went', async () => {
  await using rig = await Rig.setUp();
  await donePlan(rig, 'ground');
  await rig.start('top', ['true'], { base: 'plan/ground' });
  await rig.wait('top');
  rig.repository.at(join(rig.repository.path, 'worktrees', 'plan-top')).commit({ 'top.txt': 'top\n' }, 'Top it');
  await complete(rig, 'ground', { deleteBranch: true });
  const forge = new Forge(rig);
  const answer: Result<'plan.complete'> = await complete(rig, 'top', { pr: true, env: forge.env });
  expect(answer).toMatchObject({ into: 'main', merged: false, pr: { number: 7, url } });
  expect(forge.said()).toContain('--base\nmain\n--title\nTop it\n');
});

test('one that is open already is recorded, and none of another branch or of a fork', async () => {
  await using rig = await Rig.setUp();
  const forge = new Forge(rig);
  await donePlan(rig, 'login');
  const listed = (isCrossRepository: boolean) =>
    JSON.stringify([{ number: 3, url: 'https://x.example/a/pull/3', isCrossRepository }]);
  forge.does(`if [ "$2" = list ]; then echo '${listed(false)}'; else exit 1; fi`);
  expect((await complete(rig, 'login', { pr: true, env: forge.env })).pr).toMatchObject({ number: 3 });
  expect(forge.said()).toContain('pr\nlist\n--head\nplan/login\n--base\nmain\n--state\nopen\n');
  forge.does(`if [ "$2" = list ]; then echo '${listed(true)}'; else echo ${url}; fi`);
  expect((await complete(rig, 'login', { pr: true, env: forge.env })).pr).toMatchObject({ number: 7 });
});

test('without gh, without a remote and where gh fails, what to do is said', async () => {
  await using rig = await Rig.setUp();
  await donePlan(rig, 'login');
  const before = await stateOf(rig, 'login');
  const lonely = await rig.wtd('complete', 'login', '--pr');
  expect(lonely.stderr).toContain('has no remote repository for a pull request');
  expect(await stateOf(rig, 'login')).toEqual(before);
  const forge = new Forge(rig);
  forge.does('echo "To get started, run: gh auth login" >&2; exit 4');
  const failed = await rig.spawnWtd(['complete', 'login', '--pr'], { env: forge.env }).finished();
  expect(failed.exitCode).not.toBe(0);
  expect(failed.stderr).toContain('gh opened no pull request of plan/login: To get started, run: gh auth login');
  expect((await showPlan(rig, 'login')).outcome).toBeNull();
});

test('a pull request goes where a branch of the remote is the base', async () => {
  await using rig = await Rig.setUp();
  const forge = new Forge(rig);
  rig.repository.git('fetch', '--quiet', 'origin');
  await rig.start('login', ['true'], { base: 'origin/main' });
  await rig.wait('login');
  rig.repository.at(join(rig.repository.path, 'worktrees', 'plan-login')).commit({ 'login.txt': 'login\n' });
  expect((await rig.wtd('complete', 'login')).stderr).toContain('no local branch');
  expect(await complete(rig, 'login', { pr: true, env: forge.env })).toMatchObject({ into: 'origin/main' });
  expect(forge.said()).toContain('--head\nplan/login\n--base\nmain\n--title');
});
