import { join } from 'node:path';
import type { Client } from '../../src/client/client.ts';
import { connect } from '../../src/client/connect.ts';
import type { Result } from '../../src/contract/index.ts';
import type { Checkout } from '../../test/rig/repository.ts';
import { Daemon } from '../daemon.ts';
import type { Figure } from '../figure.ts';
import { Home } from '../home.ts';
import { measurePairs, timed } from '../pairs.ts';
import { runProgram } from '../program.ts';
import { median } from '../statistics.ts';

const fileCount = 20_000;
const quiet = { pauseMs: 50, patienceMs: 60_000 };

/** A worktree with a branch of its own, in a large tree: a ready one, and one that has to be made. */
export async function measurePool(): Promise<Figure[]> {
  return [
    await measure(lend, {
      name: `pool.acquire, one is ready, ${fileCount} files`,
      judgedBy: 'ratio',
      target: { atMost: 1 / 30 },
    }),
    await measure(create, {
      name: `worktree.create, ${fileCount} files`,
      judgedBy: 'ratio',
      target: { atMost: 1 },
    }),
  ];
}

type Judged = Pick<Figure, 'name' | 'judgedBy' | 'target'>;
type Ours = (client: Client, repository: Checkout, index: number) => Promise<number>;

async function measure(ours: Ours, judged: Judged): Promise<Figure> {
  using home = new Home({ worktrees: { allocation_strategy: 'reuse' } });
  await using _daemon = await Daemon.start(home);
  await using client = await connect({ socketPath: home.socket, start: null });
  const repository = home.makeRepository('shop', fileCount);
  const pairs = await measurePairs(
    { count: 5 },
    {
      ours: (index) => ours(client, repository, index),
      reference: (index) => addByHand(home, repository, index),
    },
  );
  return {
    ...judged,
    against: '`git worktree add` of the same tree',
    unit: 'ms',
    ours: median(pairs.ours),
    reference: median(pairs.reference),
  };
}

async function lend(client: Client, { path: repository }: Checkout, index: number): Promise<number> {
  let lent: Result<'pool.acquire'> | undefined;
  const durationMs = await timed(async () => {
    lent = await client.call('pool.acquire', { repository, branch: `ours-${index}` });
  });
  if (!lent) throw new Error('nothing was lent');
  await client.call('pool.release', { lease: lent.lease.id, fence: lent.lease.fence });
  await untilIdle(client, repository);
  return durationMs;
}

async function create(client: Client, { path: repository }: Checkout, index: number): Promise<number> {
  const branch = `ours-${index}`;
  const durationMs = await timed(() => client.call('worktree.create', { repository, branches: [branch] }));
  await client.call('worktree.remove', { repository, worktree: branch });
  return durationMs;
}

/** What is cleaned or removed in the background must not disturb what is measured next. */
async function untilIdle(client: Client, repository: string): Promise<void> {
  for (let waitedMs = 0; waitedMs < quiet.patienceMs; waitedMs += quiet.pauseMs) {
    const { total, available } = await client.call('pool.status', { repository });
    if (total === available) return;
    await new Promise((resolve) => setTimeout(resolve, quiet.pauseMs));
  }
  throw new Error('the pool did not come to rest');
}

async function addByHand({ env, directory }: Home, { path: cwd }: Checkout, index: number): Promise<number> {
  const path = join(directory, `by-hand-${index}`);
  const git = (...args: string[]) => runProgram('git', args, { cwd, env });
  const durationMs = await timed(() => git('worktree', 'add', '--quiet', '-b', `theirs-${index}`, path));
  await git('worktree', 'remove', path);
  return durationMs;
}
