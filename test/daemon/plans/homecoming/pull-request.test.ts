import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../../../src/base/clock.ts';
import { WtdError } from '../../../../src/contract/errors.ts';
import { Git } from '../../../../src/daemon/git/git.ts';
import { PullRequests } from '../../../../src/daemon/plans/homecoming/pull-request.ts';
import { Registry } from '../../../../src/daemon/registry/registry.ts';
import type { PlanRow, RepositoryRow } from '../../../../src/daemon/registry/rows.ts';
import { Checkout } from '../../../rig/repository.ts';
import { planRow, worktree } from '../../reconcile/world.ts';

const url = 'https://github.example/shop/shop/pull/7';

let directory: string;
let registry: Registry;
let env: Record<string, string>;
let shop: Checkout;
let repository: RepositoryRow;
let plan: PlanRow;

beforeEach(() => {
  directory = mkdtempSync(join(realpathSync(tmpdir()), 'wtd-pr-'));
  const author = { GIT_AUTHOR_NAME: 'Ada', GIT_AUTHOR_EMAIL: 'ada@example.org' };
  const committer = { GIT_COMMITTER_NAME: 'Ada', GIT_COMMITTER_EMAIL: 'ada@example.org' };
  const path = `${directory}/bin:${process.env['PATH'] ?? ''}`;
  env = { PATH: path, HOME: directory, GIT_CONFIG_NOSYSTEM: '1', ...author, ...committer };
  const root = new Checkout(directory, env);
  root.git('init', '--quiet', '--bare', '--initial-branch=main', 'remote.git');
  root.git('init', '--quiet', '--initial-branch=main', 'shop');
  shop = root.at(join(directory, 'shop'));
  shop.commit({ 'README.md': 'A shop\n' }, 'Begin');
  shop.git('remote', 'add', 'origin', join(directory, 'remote.git'));
  shop.git('worktree', 'add', '--quiet', '-b', 'plan/login', join(directory, 'login'));
  login().commit({ 'login.txt': 'login\n' }, 'Let people log in');
  keep();
});

afterEach(() => {
  registry[Symbol.dispose]();
  rmSync(directory, { recursive: true, force: true });
});

const bin = (): string => join(directory, 'only-git');
const login = (): Checkout => shop.at(join(directory, 'login'));
const remote = (...args: string[]): string => shop.at(join(directory, 'remote.git')).git(...args);

function keep(): void {
  registry = new Registry({
    file: join(directory, 'wtd.db'),
    runsDirectory: join(directory, 'runs'),
    clock: systemClock,
  });
  const known = { description: null, channels: [], trusted: false, trustedHash: null, addedAt: 0 };
  const place = { path: shop.path, commonDir: join(shop.path, '.git') };
  repository = { id: 'shop', name: 'shop', defaultBranch: 'main', ...place, ...known };
  const row = worktree('shop', 'login', { path: login().path });
  plan = planRow('shop', 'login', { worktreeId: row.id, file: 'docs/login.md' });
  registry.change(() => {
    registry.repositories.insert(repository);
    registry.worktrees.insert(row);
    registry.plans.insert(plan);
  });
}

/** Takes the place of gh: notes how it was called, then does as the script says. */
function standIn(script: string): void {
  writeFileSync(join(directory, 'gh-words'), '');
  shop
    .at(directory)
    .write('bin/gh', `#!/bin/sh\n{ pwd; printf '%s\\n' "$@" --; } >> '${directory}/gh-words'\n${script}\n`);
  chmodSync(join(directory, 'bin', 'gh'), 0o755);
}

const calls = (): string => readFileSync(join(directory, 'gh-words'), 'utf8');
const open = (more: { dryRun?: boolean } = {}) =>
  new PullRequests({ registry, git: new Git(env), environment: {} }).open(
    { repository, plan, into: 'main' },
    { env, ...more },
  );
const recorded = () => registry.worktrees.get(plan.worktreeId ?? '')?.pr;

async function refusal(): Promise<WtdError> {
  const error: unknown = await open().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof WtdError) return error;
  throw new Error('it was not refused', { cause: error });
}

test('the branch is pushed and a pull request opened and recorded', async () => {
  standIn(`[ "$2" = create ] && echo 'Warning: 1 uncommitted change' && echo ${url}`);
  const { pr, steps } = await open();
  expect(pr).toEqual({ number: 7, url });
  expect(steps).toEqual(['push plan/login to origin', 'open a pull request of plan/login into main']);
  expect(remote('rev-parse', 'plan/login')).toBe(login().git('rev-parse', 'HEAD'));
  const words =
    'pr\ncreate\n--head\nplan/login\n--base\nmain\n--title\nLet people log in\n--body\nPlan login, for main:';
  expect(calls()).toContain(`${login().path}\n${words}\n\n- Let people log in\n\nPlan: docs/login.md\n`);
  expect(recorded()).toEqual({ number: 7, url });
  expect(registry.events.after({ after: 0, limit: 10, types: null })).toMatchObject([
    { type: 'worktree.updated', plan: 'login', data: { pr: { number: 7, url } } },
  ]);
});

test('one that is open already is recorded, one of a fork is not', async () => {
  const list = (isCrossRepository: boolean) =>
    `if [ "$2" = list ]; then echo '[{"number":3,"url":"https://x.example/a/pull/3","isCrossRepository":${isCrossRepository}}]'; else echo ${url}; fi`;
  standIn(list(false));
  expect((await open()).pr).toEqual({ number: 3, url: 'https://x.example/a/pull/3' });
  expect(calls()).not.toContain('create');
  standIn(list(true));
  expect((await open()).pr).toEqual({ number: 7, url });
  expect(recorded()).toEqual({ number: 7, url });
});

test('a dry run tells the steps and does nothing', async () => {
  standIn('exit 1');
  expect(await open({ dryRun: true })).toMatchObject({ pr: null, steps: [/push/, /open/].map(matching) });
  expect(calls()).toBe('');
  expect(remote('branch', '--list')).toBe('');
  expect(recorded()).toBeNull();
});

const matching = (pattern: RegExp): unknown => expect.stringMatching(pattern);

test('where gh is missing or fails, what to do is said and nothing recorded', async () => {
  mkdirSync(bin());
  // As on a machine without gh: a PATH with git and nothing else.
  symlinkSync(execFileSync('/bin/sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim(), join(bin(), 'git'));
  env = { ...env, PATH: bin() };
  const missing = await refusal();
  expect(missing.code).toBe('SPAWN_FAILED');
  expect(missing.data.hint).toMatch(/cli\.github\.com.*without --pr/);
  expect(remote('branch', '--list')).toBe('');

  env = { ...env, PATH: `${directory}/bin:${process.env['PATH'] ?? ''}` };
  standIn('echo "To get started, run: gh auth login" >&2; exit 4');
  const failed = await refusal();
  expect(failed.message).toBe('gh opened no pull request of plan/login: To get started, run: gh auth login');
  standIn('true');
  expect((await refusal()).message).toContain('did not say which');
  expect(recorded()).toBeNull();
});

test('what somebody else pushed to that branch is not overwritten', async () => {
  standIn(`echo ${url}`);
  shop.git('push', '--quiet', 'origin', 'plan/login');
  login().git('commit', '--quiet', '--amend', '-m', 'Another one');
  const before = remote('rev-parse', 'plan/login');
  const refused = await refusal();
  expect(refused.code).toBe('GIT_FAILED');
  expect(String(refused.data['stderr'])).toContain('rejected');
  expect(remote('rev-parse', 'plan/login')).toBe(before);
  expect(calls()).toBe('');
});

test('the remote that the base follows comes before origin, and without any it is refused', async () => {
  standIn(`echo ${url}`);
  shop.git('init', '--quiet', '--bare', join(directory, 'team.git'));
  shop.git('remote', 'add', 'team', join(directory, 'team.git'));
  shop.git('push', '--quiet', '--set-upstream', 'team', 'main:trunk');
  await open();
  expect(remote('branch', '--list')).toBe('');
  expect(shop.git('ls-remote', '--heads', 'team')).toContain('refs/heads/plan/login');
  expect(calls()).toContain('--base\ntrunk\n');

  for (const name of ['origin', 'team']) shop.git('remote', 'remove', name);
  expect((await refusal()).code).toBe('INVALID_STATE');
});

test('a branch with nothing new is not pushed; the hooks of the repository do not run', async () => {
  standIn(`echo ${url}`);
  shop.write('.git/hooks/pre-push', `#!/bin/sh\ntouch ${directory}/hook\n`);
  chmodSync(join(shop.path, '.git/hooks/pre-push'), 0o755);
  await open();
  expect(existsSync(join(directory, 'hook'))).toBe(false);
  shop.git('merge', '--quiet', 'plan/login');
  expect((await refusal()).code).toBe('INVALID_STATE');
});
