import { join } from 'node:path';
import type { Client } from '../../src/client/client.ts';
import { connect } from '../../src/client/connect.ts';
import type { Checkout } from '../../test/rig/repository.ts';
import { Daemon } from '../daemon.ts';
import type { Figure } from '../figure.ts';
import { Home } from '../home.ts';
import { timed } from '../pairs.ts';
import { runProgram } from '../program.ts';
import { median } from '../statistics.ts';

const branchCount = 50;
const fileCount = 400;
const rounds = 3;
const warmRounds = 20;
const names = Array.from({ length: branchCount }, (_, index) => `plan-${index + 1}`);
const branches = names.map((name) => `plan/${name}`);
const pairs = branches.flatMap((a, at) => branches.slice(at + 1).map((b) => [a, b] as const));
const merges = [...pairs, ...branches.map((branch) => [branch, 'main'] as const)];

/** Each round has a repository of its own and a daemon that never saw it. */
export async function measureConflictMatrix(): Promise<Figure[]> {
  const cold: number[] = [];
  const warm: number[] = [];
  const byHand: number[] = [];
  for (let round = 0; round < rounds; round++) {
    using home = new Home();
    const repository = makeBranches(home);
    byHand.push(await timed(() => mergeEach(home, repository)));
    await using _daemon = await Daemon.start(home);
    await using client = await connect({ socketPath: home.socket, start: null });
    for (const name of names) await client.call('plan.create', { repository: repository.path, name });
    cold.push(await ask(client, repository));
    for (let index = 0; index < warmRounds; index++) warm.push(await ask(client, repository));
  }
  const reference = median(byHand);
  const figure = (state: string, ours: readonly number[], atMost: number): Figure => ({
    name: `conflict.matrix of ${branchCount} branches, ${state}`,
    against: `git merge-tree ${merges.length} times`,
    unit: 'ms',
    ours: median(ours),
    reference,
    judgedBy: 'ratio',
    target: { atMost },
  });
  return [figure('cold', cold, 1 / 5), figure('warm', warm, 1 / 100)];
}

async function ask(client: Client, { path }: Checkout): Promise<number> {
  let told = 0;
  const ms = await timed(async () => {
    told = (await client.call('conflict.matrix', { repository: path })).pairs.length;
  });
  if (told !== pairs.length) throw new Error(`it told of ${told} pairs, not ${pairs.length}`);
  return ms;
}

/** Every branch changes a few files, some of which others change as well. */
function makeBranches(home: Home): Checkout {
  const repository = home.makeRepository('shop', fileCount);
  for (const [index, branch] of branches.entries()) {
    repository.git('switch', '--quiet', '-c', branch, 'main');
    for (const file of [index, index + 7, 399 - (index % 10)]) {
      repository.write(join(`part-${file % 20}`, `file-${file}.txt`), `${branch}\n`.repeat(50));
    }
    repository.git('commit', '--quiet', '--all', '--message', branch);
  }
  repository.git('switch', '--quiet', 'main');
  return repository;
}

async function mergeEach({ env }: Home, { path: cwd }: Checkout): Promise<void> {
  for (const [ours, theirs] of merges) {
    await runProgram('git', ['merge-tree', '--write-tree', ours, theirs], { cwd, env, allowed: [0, 1] });
  }
}
