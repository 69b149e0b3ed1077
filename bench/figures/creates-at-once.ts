import type { Client } from '../../src/client/client.ts';
import { connect } from '../../src/client/connect.ts';
import { Daemon } from '../daemon.ts';
import type { Figure } from '../figure.ts';
import { Home } from '../home.ts';
import { measurePairs, timed } from '../pairs.ts';
import { runProgram } from '../program.ts';
import { median } from '../statistics.ts';

const createCount = 20;
const fileCount = 100;
const branches = Array.from({ length: createCount }, (_, index) => `work/${index + 1}`);

export async function measureCreatesAtOnce(): Promise<Figure[]> {
  using home = new Home();
  await using _daemon = await Daemon.start(home);
  await using client = await connect({ socketPath: home.socket, start: null });
  const pairs = await measurePairs(
    { count: 3 },
    {
      ours: (index) => createAtOnce(client, home, `ours-${index}`),
      reference: (index) => addByHand(home, `by-hand-${index}`),
    },
  );
  return [
    {
      name: `${createCount} worktrees in one worktree.create, ${fileCount} files`,
      against: `git worktree add ${createCount} times in turn`,
      unit: 'ms',
      ours: median(pairs.ours),
      reference: median(pairs.reference),
      judgedBy: 'ratio',
      target: { atMost: 1.1 },
    },
  ];
}

/** All must have been made. */
async function createAtOnce(client: Client, home: Home, name: string): Promise<number> {
  const { path: repository } = home.makeRepository(name, fileCount);
  let made = 0;
  const ms = await timed(async () => {
    const { created } = await client.call('worktree.create', { repository, branches });
    made = created.length;
  });
  if (made !== createCount) throw new Error(`${made} of ${createCount} worktrees were made`);
  return ms;
}

function addByHand(home: Home, name: string): Promise<number> {
  const { path: cwd } = home.makeRepository(name, fileCount);
  return timed(async () => {
    for (const [index, branch] of branches.entries()) {
      const args = ['worktree', 'add', '--quiet', '-b', branch, `../${name}-${index}`];
      await runProgram('git', args, { cwd, env: home.env });
    }
  });
}
