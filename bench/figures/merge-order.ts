import { connect } from '../../src/client/connect.ts';
import { Daemon } from '../daemon.ts';
import type { Figure } from '../figure.ts';
import { Home } from '../home.ts';
import { measurePairs, timed } from '../pairs.ts';
import { runProgram } from '../program.ts';
import { median } from '../statistics.ts';

const planCount = 8;
const fileCount = 1000;
const plans = Array.from({ length: planCount }, (_, index) => `plan${index}`);
const twos = plans.flatMap((one, index) => plans.slice(index + 1).map((other) => [one, other] as const));

/** Each plan conflicts with the one before and the one after it. */
export async function measureMergeOrder(): Promise<Figure[]> {
  using home = new Home();
  await using _daemon = await Daemon.start(home);
  await using client = await connect({ socketPath: home.socket, start: null });
  const repository = home.makeRepository('order', fileCount);
  for (const [index, name] of plans.entries()) {
    repository.git('checkout', '--quiet', '-b', `plan/${name}`, 'main');
    for (const part of [index, (index + 1) % planCount]) repository.write(`shared-${part}.txt`, `${name}\n`);
    repository.git('add', '--all');
    repository.git('commit', '--quiet', '--message', name);
  }
  repository.git('checkout', '--quiet', 'main');
  for (const name of plans) await client.call('plan.create', { repository: repository.path, name });
  const search = async () => {
    const { steps, verified } = await client.call('conflict.order', { repository: repository.path });
    if (!verified || steps.length !== planCount / 2) throw new Error(`${steps.length} plans came home`);
  };
  const mergeByHand = async () => {
    for (const [one, other] of twos) {
      const args = ['merge-tree', '--write-tree', `plan/${one}`, `plan/${other}`];
      // It ends with 1 when they conflict.
      await runProgram('git', args, { cwd: repository.path, env: home.env }).catch(() => undefined);
    }
  };
  const times = await measurePairs({ count: 5 }, { ours: () => timed(search), reference: () => timed(mergeByHand) });
  return [
    {
      name: `conflict.order of ${planCount} plans that conflict, ${fileCount} files`,
      against: `git merge-tree once for each of ${twos.length} pairs`,
      unit: 'ms',
      ours: median(times.ours),
      reference: median(times.reference),
      judgedBy: 'ratio',
      target: { atMost: 5 },
    },
  ];
}
