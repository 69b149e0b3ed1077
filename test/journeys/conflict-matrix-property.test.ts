import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { histories, writeHistories } from '../rig/random-history.ts';
import type { Checkout } from '../rig/repository.ts';
import { Rig } from '../rig/rig.ts';

const rounds = Number(process.env['WTD_ROUNDS'] ?? 100);
const seed = Number(process.env['WTD_SEED'] ?? Date.now() % 1_000_000);
const plans = ['one', 'two', 'three'];

/** What a plain `git merge` in a clone that nobody needs any more says of two commits: the files in conflict. */
function mergeByHand(clone: Checkout, ours: string, theirs: string): { conflicts: boolean; files: string[] } {
  clone.git('checkout', '--quiet', '--force', '--detach', ours);
  try {
    clone.git('merge', '--quiet', '--no-edit', theirs);
    return { conflicts: false, files: [] };
  } catch {
    const records = clone.gitBytes('ls-files', '--unmerged', '-z').split('\0').filter(Boolean);
    const names = records.map((record) => Buffer.from(record.slice(record.indexOf('\t') + 1), 'latin1').toString());
    clone.git('clean', '--quiet', '-fdx');
    // What cannot stay in its place is put beside it, under the name of its side.
    const files = names.map((name) => name.replace(/~(HEAD|[0-9a-f]{40})$/, ''));
    return { conflicts: true, files: [...new Set(files)].sort() };
  }
}

test('of any histories it says what git merge does', { timeout: 60_000 + rounds * 3000 }, async () => {
  await using rig = await Rig.setUp();
  const { repository } = rig;
  for (const name of plans) await rig.call('plan.create', { name, repository: repository.path });
  const path = join(rig.place.directory, 'clone');
  // It sees every object of the other one, also those to come.
  repository.git('clone', '--quiet', '--shared', '--', repository.path, path);
  const clone = repository.at(path);
  const branches = plans.map((name) => `plan/${name}`);
  const compared = { clean: 0, conflicting: 0 };
  const property = fc.asyncProperty(histories(plans.length), async (chosen) => {
    writeHistories(
      repository,
      chosen.map((history, at) => ({ branch: branches[at] ?? '', history })),
    );
    const commits = repository.git('rev-parse', ...branches).split('\n');
    const commitOf = (branch: string) => commits[branches.indexOf(branch)] ?? '';
    const { pairs } = await rig.call('conflict.matrix', { repository: repository.path });
    for (const { a, b, ...pair } of pairs) {
      const said = { conflicts: pair.conflicts, files: pair.files.map((file) => file.path).sort() };
      expect(said, `${a} and ${b}`).toEqual(mergeByHand(clone, commitOf(a), commitOf(b)));
      compared[said.conflicts ? 'conflicting' : 'clean'] += 1;
      if (!pair.conflicts) expect(pair.files).toEqual([]);
    }
  });
  await fc.assert(property, { numRuns: rounds, seed, endOnFailure: true });
  console.info(`seed ${seed}: ${compared.clean} merges were clean, ${compared.conflicting} were not`);
  expect(Math.min(compared.clean, compared.conflicting)).toBeGreaterThan(rounds / 4);
});
