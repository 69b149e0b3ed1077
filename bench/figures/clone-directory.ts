import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { bring } from '../../src/daemon/worktrees/setup-files.ts';
import type { Figure } from '../figure.ts';
import { Home } from '../home.ts';
import { measurePairs, timed } from '../pairs.ts';
import { median } from '../statistics.ts';

const fileCount = 5000;
const filesInOne = 50;
const rounds = 3;

/**
 * What a directory costs that each fresh worktree gets, such as `node_modules`: no more than a plain copy. Where the file
 * system (of the temporary directory) can share blocks, large files take a fraction, and small ones as long as a copy.
 */
export async function measureCloneDirectory(): Promise<Figure[]> {
  using home = new Home();
  const source = join(home.directory, 'packages');
  const worktree = join(home.directory, 'worktree');
  mkdirSync(worktree);
  for (let index = 0; index < fileCount; index++) {
    const directory = join(source, `package-${Math.floor(index / filesInOne)}`);
    if (index % filesInOne === 0) mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, `file-${index}.js`), 'export {};\n'.repeat(500));
  }
  const anew = (copy: () => Promise<unknown>) => async () => {
    await rm(join(worktree, 'packages'), { recursive: true, force: true });
    execFileSync('sync'); // what the one before wrote is not for this one to wait for
    return timed(copy);
  };
  const plainCopy = async () => {
    execFileSync('cp', ['-a', '--reflink=never', '--', source, worktree]);
    return Promise.resolve();
  };
  const pairs = await measurePairs(
    { count: rounds },
    {
      ours: anew(() => bring('packages', home.directory, { id: 'bench', path: worktree })),
      reference: anew(plainCopy),
    },
  );
  return [
    {
      name: `a directory of ${fileCount} files cloned into a worktree`,
      against: 'cp -a --reflink=never',
      unit: 'ms',
      ours: median(pairs.ours),
      reference: median(pairs.reference),
      judgedBy: 'ratio',
      target: { atMost: 1.1 },
    },
  ];
}
