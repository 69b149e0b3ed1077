import { join } from 'node:path';
import { connect } from '../../src/client/connect.ts';
import { Daemon } from '../daemon.ts';
import type { Figure } from '../figure.ts';
import { Home } from '../home.ts';
import { measurePairs, timed } from '../pairs.ts';
import { runProgram } from '../program.ts';
import { median } from '../statistics.ts';

const worktreeCount = 100;
const fileCount = 200;
const startsAtOnce = 4;
/** Longer than what git says may be old in a picture, so that each one asks again. */
const apartMs = 2100;
const names = Array.from({ length: worktreeCount }, (_, index) => `plan-${index + 1}`);

/** The picture of many worktrees, and how long others wait for an answer while git is asked about them. */
export async function measureStatusGet(): Promise<Figure[]> {
  using home = new Home({
    limits: { max_concurrent: startsAtOnce },
    ports: { base: 20_000, range_size: 1, last: 30_000 },
  });
  await using _daemon = await Daemon.start(home);
  await using client = await connect({ socketPath: home.socket, start: null });
  await using other = await connect({ socketPath: home.socket, start: null });
  const { path: repository } = home.makeRepository('shop', fileCount);
  const waiting = [...names];
  const startNext = async (): Promise<void> => {
    for (let plan = waiting.shift(); plan !== undefined; plan = waiting.shift()) {
      await client.call('plan.start', { repository, plan, command: ['true'], env: { ...home.env } });
      await client.call('plan.wait', { repository, plan });
    }
  };
  await Promise.all(Array.from({ length: startsAtOnce }, startNext));
  const look = () => client.call('status.get', {});
  await look();
  const pairs = await measurePairs(
    { count: 5 },
    { ours: () => timed(look), reference: () => timed(() => askEach(home, repository)) },
  );
  const longest: number[] = [];
  for (let round = 0; round < 3; round++) {
    await new Promise((resolve) => setTimeout(resolve, apartMs));
    const looking = look();
    const watched = { isOver: false };
    void looking.finally(() => (watched.isOver = true));
    const waits: number[] = [];
    while (!watched.isOver) waits.push(await timed(() => other.call('daemon.status', {})));
    longest.push(Math.max(...waits));
  }
  return [
    {
      name: `status.get with ${worktreeCount} worktrees, warm`,
      against: '`git status` in each, one after another',
      unit: 'ms',
      ours: median(pairs.ours),
      reference: median(pairs.reference),
      judgedBy: 'ratio',
      target: { atMost: 1 / 20 },
    },
    {
      name: 'longest answer of daemon.status meanwhile',
      against: 'the picture itself',
      unit: 'ms',
      ours: median(longest),
      reference: median(pairs.ours),
      judgedBy: 'value',
      target: { atMost: 50 },
    },
  ];
}

async function askEach({ env }: Home, repository: string): Promise<void> {
  for (const name of names) {
    await runProgram('git', ['status', '--porcelain'], { cwd: join(repository, 'worktrees', `plan-${name}`), env });
  }
}
