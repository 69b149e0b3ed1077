import { connect } from '../../src/client/connect.ts';
import { Daemon, mainFile } from '../daemon.ts';
import type { Figure } from '../figure.ts';
import { Home } from '../home.ts';
import { measurePairs, timed } from '../pairs.ts';
import { runProgram } from '../program.ts';
import { median } from '../statistics.ts';

const planCount = 50;

export async function measureStatusCommand(): Promise<Figure[]> {
  using home = new Home();
  await using _daemon = await Daemon.start(home);
  const { path: cwd } = home.makeRepository('shop');
  const node = (...args: string[]) => runProgram(process.execPath, args, { cwd, env: home.env });
  const status = () => node(mainFile, 'status', '--all-plans', '--json');
  await createPlans(home, cwd);
  const { plans } = JSON.parse(await status()) as { plans: unknown[] };
  if (plans.length !== planCount) throw new Error(`status told of ${plans.length} plans, not ${planCount}`);
  const pairs = await measurePairs(
    { count: 60, warmUp: 5 },
    { ours: () => timed(status), reference: () => timed(() => node('-e', '0')) },
  );
  return [
    {
      name: `wtd status --all-plans --json, ${planCount} plans`,
      against: 'node -e 0',
      unit: 'ms',
      ours: median(pairs.ours),
      reference: median(pairs.reference),
      judgedBy: 'ratio',
      target: { atMost: 1.2 },
    },
  ];
}

async function createPlans({ socket }: Home, repository: string): Promise<void> {
  await using client = await connect({ socketPath: socket, start: null });
  for (let index = 1; index <= planCount; index++) {
    await client.call('plan.create', { repository, name: `plan-${index}`, command: ['true'] });
  }
}
