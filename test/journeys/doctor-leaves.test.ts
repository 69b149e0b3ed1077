import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Finding } from '../../src/contract/models.ts';
import { examine, finishPlan, kindsOf, repair, whileDead, whileDeadSql, worktreeOf } from '../rig/doctor.ts';
import { isAlive, send, untilGone } from '../rig/processes.ts';
import { Checkout } from '../rig/repository.ts';
import { Rig } from '../rig/rig.ts';

/** What daemon.doctor leaves to people, however often it is told to repair. Answers the finding. */
async function expectLeft(rig: Rig, kind: string, subject: string): Promise<Finding & { advice: string }> {
  expect(kindsOf(await examine(rig))).toEqual([[kind, subject, false]]);
  expect(kindsOf(await repair(rig))).toEqual([[kind, subject, false]]);
  const left = await repair(rig);
  expect(kindsOf(left)).toEqual([[kind, subject, false]]);
  expect(await rig.call('event.list', { types: ['doctor.repaired'] })).toEqual({ events: [] });
  const [finding] = left;
  if (!finding || finding.advice === null) throw new Error('there is no advice');
  return { ...finding, advice: finding.advice };
}

test('a worktree that nobody knows is never removed, with or without work in it', async () => {
  await using rig = await Rig.setUp();
  await rig.call('repository.add', { path: rig.repository.path });
  const path = join(rig.repository.path, 'worktrees', 'mine');
  rig.repository.git('worktree', 'add', '--quiet', '-b', 'mine', path);
  writeFileSync(join(path, 'work.txt'), 'work\n');
  const { advice } = await expectLeft(rig, 'worktree_without_row', path);
  expect(advice).toContain(`\`git -C ${rig.repository.path} worktree remove ${path}\``);
  expect(readFileSync(join(path, 'work.txt'), 'utf8')).toBe('work\n');
  rig.repository.git('worktree', 'remove', '--force', path);
  rig.repository.git('branch', '--delete', 'mine');
  expect(await examine(rig)).toEqual([]);
});

test('a dirty worktree of wtd whose row was lost keeps its work', async () => {
  await using rig = await Rig.setUp();
  const worktree = await finishPlan(rig, 'login', 'echo work > work.txt');
  await whileDeadSql(rig, 'UPDATE plans SET worktree_id = NULL', 'DELETE FROM worktrees');
  expect(kindsOf(await examine(rig))).toEqual([['worktree_without_row', worktree.path, false]]);
  await repair(rig);
  expect(readFileSync(join(worktree.path, 'work.txt'), 'utf8')).toBe('work\n');
  expect(worktree.git('status', '--porcelain')).toBe('?? work.txt');
  expect(rig.repository.worktrees()).toContain(worktree.path);
});

test('a worktree that no plan has stays while it has work, and says which', async () => {
  await using rig = await Rig.setUp();
  const worktree = await finishPlan(rig, 'login', 'echo work > work.txt; echo changed > README.md');
  await whileDeadSql(rig, 'UPDATE plans SET worktree_id = NULL');
  const { advice } = await expectLeft(rig, 'port_without_owner', worktree.path);
  expect(advice).toContain('1 changed file not committed, 1 untracked file');
  expect(worktree.git('status', '--porcelain')).toBe(' M README.md\n?? work.txt');

  worktree.git('add', '--all');
  worktree.git('commit', '--quiet', '--message', 'Work');
  const tip = worktree.git('rev-parse', 'HEAD');
  expect(kindsOf(await repair(rig))).toEqual([['port_without_owner', worktree.path, true]]);
  expect(rig.repository.git('rev-parse', 'plan/login')).toBe(tip);
});

test('a row stays while a run is active in it, and is made again by a run that waits', async () => {
  await using rig = await Rig.setUp({ config: { limits: { max_concurrent: 1 } } });
  const waiting = await finishPlan(rig, 'waiting');
  const { child } = await rig.startSteered('login');
  await rig.start('waiting', ['true']);
  const worktree = worktreeOf(rig, 'login');
  rmSync(worktree.path, { recursive: true });
  rmSync(waiting.path, { recursive: true });
  const left = await repair(rig);
  expect(kindsOf(left).sort()).toEqual([
    ['row_without_worktree', worktree.path, false],
    ['row_without_worktree', waiting.path, false],
  ]);
  const adviceFor = (path: string) => left.find(({ subject }) => subject === path)?.advice;
  expect(adviceFor(worktree.path)).toContain('`wtd stop login --repo shop`');
  expect(adviceFor(waiting.path)).toContain('made again when it starts');
  await child.exit(0);
  expect(await rig.wait('waiting')).toMatchObject({ state: 'succeeded' });
  expect(kindsOf(await repair(rig))).toEqual([['row_without_worktree', worktree.path, true]]);
});

test('commits that only the entry of a lost worktree keeps are kept, until somebody gave them a branch', async () => {
  await using rig = await Rig.setUp();
  const worktree = await finishPlan(rig, 'login');
  worktree.git('switch', '--quiet', '--detach');
  const commit = worktree.commit({ 'work.txt': 'work\n' });
  rmSync(worktree.path, { recursive: true });
  const row = await expectLeft(rig, 'row_without_worktree', worktree.path);
  expect(row.advice).toContain(`\`git -C ${rig.repository.path} branch <name> ${commit}\``);
  expect(rig.repository.worktrees()).toContain(worktree.path);

  await whileDeadSql(
    rig,
    'UPDATE plans SET worktree_id = NULL',
    "UPDATE worktrees SET state = 'removed', removed_at = 1",
  );
  const entry = await expectLeft(rig, 'prunable_entry', worktree.path);
  expect(entry.advice).toContain(commit);

  rig.repository.git('branch', 'saved', commit);
  expect(kindsOf(await repair(rig))).toEqual([['prunable_entry', worktree.path, true]]);
  expect(rig.repository.worktrees()).toEqual([rig.repository.path]);
  expect(rig.repository.git('rev-parse', 'saved')).toBe(commit);
});

test('what only the entry of a lost worktree has staged stays, and one that somebody locked stays locked', async () => {
  await using rig = await Rig.setUp();
  const worktree = await finishPlan(rig, 'login');
  worktree.write('work.txt', 'work\n');
  worktree.git('add', 'work.txt');
  const away = `${worktree.path}.away`;
  renameSync(worktree.path, away);
  const staged = await expectLeft(rig, 'row_without_worktree', worktree.path);
  expect(staged.advice).toContain('1 changed file not committed');
  expect(staged.advice).toContain(`\`git -C ${rig.repository.path} worktree repair\``);
  renameSync(away, worktree.path);
  worktree.git('rm', '--quiet', '--force', 'work.txt');

  rig.repository.git('worktree', 'unlock', worktree.path);
  rig.repository.git('worktree', 'lock', '--reason', 'on a disk of mine', worktree.path);
  renameSync(worktree.path, away);
  const locked = await expectLeft(rig, 'row_without_worktree', worktree.path);
  expect(locked.advice).toContain(`\`git -C ${rig.repository.path} worktree unlock ${worktree.path}\``);
  expect(rig.repository.git('worktree', 'list', '--porcelain')).toContain('locked on a disk of mine');
  rig.repository.git('worktree', 'unlock', worktree.path);
  expect(kindsOf(await repair(rig))).toEqual([['row_without_worktree', worktree.path, true]]);
});

test("an entry of git's that wtd did not make is left to git", async () => {
  await using rig = await Rig.setUp();
  await rig.call('repository.add', { path: rig.repository.path });
  const mine = rig.repository.linkWorktree('mine');
  rmSync(mine.path, { recursive: true });
  const { advice } = await expectLeft(rig, 'prunable_entry', mine.path);
  expect(advice).toContain(`\`git -C ${rig.repository.path} worktree prune\``);
  expect(rig.repository.worktrees()).toContain(mine.path);
  rig.repository.git('worktree', 'prune');
  expect(await examine(rig)).toEqual([]);
  expect(rig.repository.branches()).toEqual(['main', 'mine']);
});

test('a branch that wtd did not make is left, and one with commits is no difference', async () => {
  await using rig = await Rig.setUp();
  await rig.call('repository.add', { path: rig.repository.path });
  rig.repository.git('branch', 'plan/theirs');
  rig.repository.git('switch', '--quiet', '--create', 'plan/work');
  rig.repository.commit({ 'work.txt': 'work\n' });
  rig.repository.git('branch', 'plan/same-work');
  rig.repository.git('switch', '--quiet', 'main');
  const { advice } = await expectLeft(rig, 'orphan_branch', 'plan/theirs');
  expect(advice).toContain(`\`git -C ${rig.repository.path} branch -d plan/theirs\``);
  expect(rig.repository.branches()).toEqual(['main', 'plan/same-work', 'plan/theirs', 'plan/work']);
  rig.repository.git('branch', '-d', 'plan/theirs');
  expect(await examine(rig)).toEqual([]);
});

test('a directory of a run in which something ran and that tells nothing stays', async () => {
  await using rig = await Rig.setUp();
  const directory = join(rig.place.home, 'runs', 'unknown');
  await whileDead(rig, () => {
    mkdirSync(join(directory, 'try-1'), { recursive: true });
    writeFileSync(join(directory, 'output.log'), 'precious\n');
  });
  const { advice } = await expectLeft(rig, 'run_directory_without_row', 'unknown');
  expect(advice).toContain(directory);
  expect(readFileSync(join(directory, 'output.log'), 'utf8')).toBe('precious\n');
  rmSync(directory, { recursive: true });
  expect(await examine(rig)).toEqual([]);
});

test('a process that outlived its run is told, and never signalled', async () => {
  await using rig = await Rig.setUp();
  const { run, child } = await rig.startSteered('login');
  const pid = await child.forkEscaped();
  expect(await examine(rig), 'the run is active').toEqual([]);
  await child.exit(0);
  await rig.wait('login');
  const { detail, advice } = await expectLeft(rig, 'process_without_run', String(pid));
  expect(detail).toBe(`\`sleep 1000\` was started by run ${run.id}, which is over`);
  expect(advice).toContain(`\`kill ${pid}\``);
  expect(isAlive(pid)).toBe(true);
  await whileDead(rig, () => undefined);
  expect(kindsOf(await examine(rig)), 'the next daemon sees it too').toEqual([
    ['process_without_run', `${pid}`, false],
  ]);
  send(pid, 'SIGTERM');
  await untilGone(pid);
  expect(await examine(rig)).toEqual([]);
});

test('a process of the run of another daemon is none of this one', async () => {
  await using rig = await Rig.setUp();
  await using other = await Rig.setUp();
  const { child } = await other.startSteered('login');
  const pid = await child.forkEscaped();
  await child.exit(0);
  await other.wait('login');
  expect(kindsOf(await examine(other))).toEqual([['process_without_run', `${pid}`, false]]);
  expect(await examine(rig)).toEqual([]);
});

test('rows of a repository that is gone are left, and the advice works', async () => {
  await using rig = await Rig.setUp();
  const worktree = await finishPlan(rig, 'login', 'echo work > work.txt');
  const { path } = rig.repository;
  renameSync(path, `${path}-away`);
  const { detail, advice } = await expectLeft(rig, 'row_without_repository', path);
  expect(detail).toContain('1 plans and 1 worktrees');
  renameSync(`${path}-away`, path);
  expect(await examine(rig)).toEqual([]);
  expect(existsSync(join(worktree.path, 'work.txt'))).toBe(true);

  renameSync(path, `${path}-away`);
  for (const words of [
    ['plan', 'remove', 'login', '--repo', 'shop'],
    ['repo', 'remove', 'shop'],
  ]) {
    expect(advice.replace('<plan>', 'login')).toContain(`\`wtd ${words.join(' ')}\``);
    const done = await rig.spawnWtd(words, { cwd: rig.place.directory }).finished();
    expect([done.exitCode, done.stderr]).toEqual([0, '']);
  }
  expect(await examine(rig)).toEqual([]);
  expect(existsSync(join(`${path}-away`, 'worktrees', 'plan-login', 'work.txt'))).toBe(true);
});

test('a repository that git cannot read is said to be unchecked, and nothing of it is touched', async () => {
  await using rig = await Rig.setUp();
  const worktree = await finishPlan(rig, 'login');
  rmSync(worktree.path, { recursive: true });
  const head = new Checkout(join(rig.repository.path, '.git'), rig.place.env);
  const before = readFileSync(join(head.path, 'HEAD'), 'utf8');
  head.write('HEAD', 'not a head\n');
  const { findings, facts } = await rig.call('daemon.doctor', { repair: true });
  expect(findings).toEqual([]);
  expect(facts.warnings).toEqual([expect.stringContaining(`${rig.repository.path} could not be checked`)]);
  head.write('HEAD', before);
  expect(kindsOf(await repair(rig))).toEqual([['row_without_worktree', worktree.path, true]]);
});
