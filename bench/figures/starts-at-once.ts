import type { Client } from '../../src/client/client.ts';
import { connect } from '../../src/client/connect.ts';
import { Daemon } from '../daemon.ts';
import type { Figure } from '../figure.ts';
import { Home } from '../home.ts';
import { measurePairs, timed } from '../pairs.ts';
import { runProgram } from '../program.ts';
import { median } from '../statistics.ts';

const startCount = 20;
const fileCount = 100;
const plans = Array.from({ length: startCount }, (_, index) => `plan-${index + 1}`);

export async function measureStartsAtOnce(): Promise<Figure[]> {
  using home = new Home({ limits: { max_concurrent: startCount } });
  await using _daemon = await Daemon.start(home);
  await using client = await connect({ socketPath: home.socket, start: null });
  const pairs = await measurePairs(
    { count: 3 },
    {
      ours: (index) => startAtOnce(client, home, `ours-${index}`),
      reference: (index) => addByHand(home, `by-hand-${index}`),
    },
  );
  return [
    {
      name: `${startCount} plan.starts at once, ${fileCount} files`,
      against: `git worktree add ${startCount} times in turn`,
      unit: 'ms',
      ours: median(pairs.ours),
      reference: median(pairs.reference),
      judgedBy: 'ratio',
      target: { atMost: 1.1 },
    },
  ];
}

/** Until all are answered; afterwards all must have succeeded, each in a worktree of its own. */
async function startAtOnce(client: Client, home: Home, name: string): Promise<number> {
  const checkout = home.makeRepository(name, fileCount);
  const repository = checkout.path;
  const start = (plan: string) =>
    client.call('plan.start', { repository, plan, command: ['true'], env: { ...home.env } });
  const ms = await timed(() => Promise.all(plans.map(start)));
  const runs = await Promise.all(plans.map((plan) => client.call('plan.wait', { repository, plan })));
  for (const { plan, state } of runs) if (state !== 'succeeded') throw new Error(`the run of ${plan} has ${state}`);
  const worktrees = checkout.worktrees().length - 1;
  if (worktrees !== startCount) throw new Error(`${startCount} starts made ${worktrees} worktrees`);
  return ms;
}

function addByHand(home: Home, name: string): Promise<number> {
  const { path: cwd } = home.makeRepository(name, fileCount);
  return timed(async () => {
    for (const plan of plans) {
      const args = ['worktree', 'add', '--quiet', '-b', `plan/${plan}`, `../${name}-${plan}`];
      await runProgram('git', args, { cwd, env: home.env });
    }
  });
}
