import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { examine } from '../rig/doctor.ts';
import { Checkout } from '../rig/repository.ts';
import { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';

const names = Array.from({ length: 20 }, (_, index) => `work/${String(index).padStart(2, '0')}`);

/** Somebody who uses git in the same repository all the time, until told to end. Answers what failed. */
function workByHand(rig: Rig): AsyncDisposable & { end: () => Promise<string[]> } {
  const run = promisify(execFile);
  const { path } = rig.repository;
  const over = new AbortController();
  const failures: string[] = [];
  const git = async (...args: string[]): Promise<unknown> =>
    run('git', args, { cwd: path, env: { ...rig.place.env } }).catch((error: unknown) => {
      // What any `git worktree add` or `remove`, whoever runs it, does to others for a moment; nothing was changed.
      if (/worktrees\/work-\d\d\//.test(String(error))) return git(...args);
      failures.push(`git ${args.join(' ')}: ${String(error)}`);
      return undefined;
    });
  const working = (async () => {
    for (let round = 0; !over.signal.aborted || round < 2; round += 1) {
      const linked = join(rig.place.directory, `by-hand-${round}`);
      await git('commit', '--quiet', '--allow-empty', '--message', `round ${round}`);
      await git('branch', `by-hand/${round}`);
      await git('worktree', 'add', '--quiet', '-B', `linked/${round}`, linked);
      await git('worktree', 'remove', linked);
      await git('branch', '--quiet', '-D', `linked/${round}`);
    }
  })();
  const end = async (): Promise<string[]> => {
    over.abort();
    await working;
    return failures;
  };
  return {
    end,
    [Symbol.asyncDispose]: async () => {
      await end();
    },
  };
}

test('twenty creates and removes at once, with git used by hand beside them, lose nothing and leave nothing', async () => {
  await using rig = await Rig.setUp();
  const { repository } = rig;
  await using hand = workByHand(rig);
  const create = (branches: string[]) => rig.call('worktree.create', { repository: repository.path, branches });
  const answers = await Promise.all([create(names.slice(0, 10)), ...names.slice(10).map((name) => create([name]))]);
  expect(answers.flatMap(({ failed }) => failed)).toEqual([]);
  const created = answers.flatMap(({ created: made }) => made);
  expect(created.map(({ branch }) => branch)).toEqual(names);
  expect(new Set(created.map(({ ports }) => ports?.start)).size).toBe(20);

  const tips = created.slice(0, 5).map(({ path }) => new Checkout(path, rig.place.env).commit({ 'work.txt': path }));
  for (const { path } of created.slice(5, 8)) new Checkout(path, rig.place.env).write('dirty.txt', path);
  const removed = await Promise.all(
    created.map(async ({ id }, index) => rig.call('worktree.remove', { worktree: id, force: index < 8 })),
  );
  expect(removed.map(({ directoryClean }) => directoryClean)).toEqual(names.map(() => true));
  expect(removed.map(({ branchDeleted }) => branchDeleted)).toEqual(names.map((_, index) => index >= 5));
  expect(await hand.end(), 'nobody else was disturbed').toEqual([]);

  expect(repository.worktrees()).toEqual([repository.path]);
  expect(repository.branches().filter((name) => name.startsWith('work/'))).toEqual(names.slice(0, 5));
  expect(names.slice(0, 5).map((name) => repository.git('rev-parse', name))).toEqual(tips);
  for (const [index, { snapshot }] of removed.entries()) {
    const files = repository.git('ls-tree', '-r', '--name-only', snapshot?.commit ?? '');
    if (index >= 5 && index < 8) expect(files).toContain('dirty.txt');
  }
  const locks = readdirSync(join(repository.path, '.git'), { recursive: true }).filter((name) =>
    String(name).endsWith('.lock'),
  );
  expect(locks).toEqual([]);
  await until(() => !existsSync(join(repository.path, 'worktrees')), 'the trash is emptied');
  repository.git('fsck', '--strict', '--no-dangling');
  expect(await examine(rig)).toEqual([]);
});
