import { chmodSync, renameSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Git } from '../../../../src/daemon/git/git.ts';
import { printOf } from '../../../../src/daemon/worktrees/snapshots/tree-print.ts';
import { Place } from '../../../rig/place.ts';
import { makeRepository, type Checkout } from '../../../rig/repository.ts';

/** A character of the name is a byte. */
const pathIn = ({ path }: Checkout, name: string): Buffer => Buffer.from(`${path}/${name}`, 'latin1');

test('it changes with every change of a file whose name is no UTF-8, and only then', async () => {
  await using place = new Place();
  const repository = makeRepository(place);
  const git = new Git(place.env);
  const print = () => printOf(git, repository.path);
  const file = pathIn(repository, 'no utf-8 \u00ff');
  const prints = [await print()];
  const noteAfter = async (change: () => void) => {
    change();
    prints.push(await print());
    expect(await print()).toBe(prints.at(-1));
  };
  await noteAfter(() => {
    writeFileSync(file, 'one');
  });
  await noteAfter(() => {
    writeFileSync(file, 'longer');
  });
  await noteAfter(() => {
    chmodSync(file, 0o600);
  });
  await noteAfter(() => {
    renameSync(file, pathIn(repository, 'no utf-8 \u00fe'));
  });
  expect(new Set(prints).size).toBe(prints.length);
});

test('it changes with a second change of a file that is changed, renamed, staged or in conflict', async () => {
  await using place = new Place();
  const repository = makeRepository(place);
  const git = new Git(place.env);
  repository.commit({ 'changed.txt': 'a\n', 'renamed.txt': 'b\n', 'staged.txt': 'c\n', 'merged.txt': 'd\n' });
  repository.git('switch', '--quiet', '--create', 'other');
  repository.commit({ 'merged.txt': 'theirs\n' });
  repository.git('switch', '--quiet', 'main');
  repository.commit({ 'merged.txt': 'ours\n' });
  expect(() => repository.git('merge', 'other')).toThrow();
  repository.git('mv', 'renamed.txt', 'new name.txt');
  repository.write('staged.txt', 'staged\n');
  repository.git('add', 'staged.txt');
  repository.write('changed.txt', 'changed\n');
  for (const name of ['changed.txt', 'new name.txt', 'staged.txt', 'merged.txt']) {
    repository.write(name, 'first\n');
    const first = await printOf(git, repository.path);
    repository.write(name, 'second\n');
    expect(await printOf(git, repository.path), name).not.toBe(first);
  }
});
