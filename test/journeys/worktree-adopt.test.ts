import { chownSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { examine, repair } from '../rig/doctor.ts';
import { makeRepository } from '../rig/repository.ts';
import { Rig } from '../rig/rig.ts';

test('worktree.adopt takes over a worktree that was made by hand, with what is in it', async () => {
  await using rig = await Rig.setUp();
  const linked = rig.repository.linkWorktree('by-hand');
  linked.commit({ 'work.txt': 'work\n' });
  linked.write('new.txt', 'new\n');
  const adopted = await rig.call('worktree.adopt', { repository: rig.repository.path, path: linked.path });
  expect(adopted).toMatchObject({
    name: 'by-hand',
    branch: 'by-hand',
    base: 'main',
    kind: 'adopted',
    owned: true,
    conditions: ['dirty'],
    ports: { start: expect.any(Number) as number, end: expect.any(Number) as number },
  });
  expect(rig.repository.git('worktree', 'list', '--porcelain')).toMatch(/locked wtd: adopted by-hand of/);
  expect(linked.git('status', '--porcelain')).toBe('?? new.txt');
  const { events } = await rig.call('event.list', { types: ['worktree.adopted'] });
  expect(events).toMatchObject([{ worktree: adopted.id, data: { path: linked.path, branch: 'by-hand' } }]);
  expect(await rig.refusal('worktree.adopt', { path: linked.path })).toMatchObject({ code: 'ALREADY_EXISTS' });
  expect(await examine(rig)).toEqual([]);
  expect(await repair(rig)).toEqual([]);

  expect(await rig.refusal('worktree.remove', { worktree: linked.path })).toMatchObject({ code: 'UNSAFE' });
  const removed = await rig.call('worktree.remove', { worktree: linked.path, force: true });
  expect(removed).toMatchObject({ removed: true, branchDeleted: false, directoryClean: true });
  expect(existsSync(dirname(linked.path)), 'the directory around it is not wtd’s').toBe(true);
  expect(rig.repository.branches()).toContain('by-hand');
});

test('wtd worktree adopt takes a path as it is typed', async () => {
  await using rig = await Rig.setUp();
  rig.repository.linkWorktree('by-hand');
  const adopted = await rig.wtd('worktree', 'adopt', '../shop-by-hand', '--json');
  expect(adopted.json()).toMatchObject({ name: 'by-hand', kind: 'adopted' });
});

test('what is not proven to be ours is not adopted, and stays as it was', async () => {
  await using rig = await Rig.setUp();
  const { repository } = rig;
  const refuse = async (path: string, of = repository.path) => {
    const refused = await rig.refusal('worktree.adopt', { repository: of, path });
    return [refused.code, ...((refused['blockers'] as { code: string }[] | undefined) ?? []).map(({ code }) => code)];
  };
  expect(await refuse(repository.path)).toEqual(['UNSAFE', 'main_worktree']);
  expect(await refuse(rig.place.makeDirectory('plain'))).toEqual(['NOT_FOUND']);
  expect(await refuse(join(rig.place.directory, 'nowhere'))).toEqual(['NOT_FOUND']);

  const linked = repository.linkWorktree('by-hand');
  const blog = makeRepository(rig.place, 'blog');
  expect(await refuse(linked.path, blog.path), 'another repository').toEqual(['NOT_FOUND']);

  repository.git('worktree', 'lock', '--reason', 'mine', linked.path);
  expect(await refuse(linked.path)).toEqual(['UNSAFE', 'locked']);
  repository.git('worktree', 'unlock', linked.path);

  chownSync(linked.path, 12_345, 12_345);
  expect(await refuse(linked.path)).toEqual(['UNSAFE', 'owner']);
  chownSync(linked.path, process.getuid?.() ?? 0, process.getgid?.() ?? 0);

  const pointer = join(linked.path, '.git');
  const text = readFileSync(pointer, 'utf8');
  writeFileSync(pointer, text.replace('shop-by-hand', 'elsewhere'));
  expect(await refuse(linked.path)).toEqual(['UNSAFE', 'pointer']);
  writeFileSync(pointer, text);

  expect(repository.git('worktree', 'list', '--porcelain')).not.toContain('locked');
  expect((await rig.call('worktree.list', { cwd: '/' })).worktrees).toEqual([]);
  expect(await rig.call('worktree.adopt', { path: linked.path })).toMatchObject({ repository: 'shop' });
});
