/** The main job, shown with the real program on a real repository; ends with 1 when anything is not as it should be. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { signalExit } from '../src/cli/run-text.ts';
import type { Result } from '../src/contract/index.ts';
import { Stage } from './demo/stage.ts';
import { TerminalSession } from './demo/terminal-session.ts';

const titles = new Map([
  ['cart', 'Add a cart'],
  ['search', 'Add a search box'],
  ['login', 'Add a login form'],
]);
const plans = [...titles.keys()];

const startOf = (plan: string) => ['wtd', 'start', plan, '--file', `plans/${plan}.md`, '--', 'sh', 'agent.sh'] as const;

/** Answers the processes that must be gone when the demo is over. */
async function tellTheStory(terminal: TerminalSession, stage: Stage): Promise<number[]> {
  terminal.say('A repository with a plan file for each plan, and what stands in for a coding agent:');
  await terminal.show('cat', 'plans/cart.md');
  await terminal.show('cat', 'agent.sh');
  const pids = await startThree(terminal);
  await refuseTheFourth(terminal);
  await lookWhileTheyRun(terminal);
  await stage.letAgentsFinish();
  await waitAndRead(terminal);
  await findTheCommits(terminal);
  await cleanUp(terminal, stage);
  return pids;
}

async function startThree(terminal: TerminalSession): Promise<number[]> {
  terminal.say('Three plans at once, each in a worktree and on a branch of its own:');
  for (const { exitCode } of await terminal.showTogether(plans.map(startOf)))
    assert.equal(exitCode, 0, 'a plan starts');
  const daemon = await answerOf<Result<'daemon.status'>>(terminal, 'daemon', 'status');
  const runs = await listRuns(terminal);
  const pids = runs.flatMap(({ pid }) => pid ?? []);
  assert.deepEqual(
    runs.map(({ plan, attempt, state }) => `${plan} ${attempt} ${state}`).sort(),
    plans.map((plan) => `${plan} 1 running`).sort(),
  );
  assert.equal(new Set(pids).size, plans.length, 'each run has a process of its own');
  return [daemon.pid, ...pids];
}

async function refuseTheFourth(terminal: TerminalSession): Promise<void> {
  terminal.say('Never twice: a plan that runs is not started again.');
  const { exitCode, output } = await terminal.show(...startOf('cart'));
  assert.equal(exitCode, 5, 'the second start is refused as DUPLICATE_RUN');
  assert.match(output, /plan cart is already running as pid \d+/);
  assert.equal((await listRuns(terminal)).length, plans.length, 'a refused start makes no run');
}

async function lookWhileTheyRun(terminal: TerminalSession): Promise<void> {
  terminal.say('While they run:');
  await becomesTrue('every run is measured and has done one of its two tasks', async () => {
    const picture = await answerOf<Result<'status.get'>>(terminal, 'status');
    return picture.plans.every(
      ({ run, progress }) => typeof run?.usage?.cpuPercent === 'number' && progress?.completed === 1,
    );
  });
  const { exitCode, output } = await terminal.show('wtd', 'status');
  const rows = output.split('\n').filter((line) => line.startsWith('running '));
  assert.equal(exitCode, 0, 'the status is told');
  assert.deepEqual(rows.map((row) => row.split(/ +/)[1]).sort(), plans.toSorted());
}

async function waitAndRead(terminal: TerminalSession): Promise<void> {
  terminal.say('Until all three are done:');
  const { exitCode } = await terminal.show('wtd', 'wait', ...plans);
  assert.equal(exitCode, 0, 'all runs succeeded');
  for (const { state, exitCode: code } of await listRuns(terminal)) assert.deepEqual([state, code], ['succeeded', 0]);
  for (const plan of plans) {
    const { output } = await terminal.show('wtd', 'logs', plan);
    assert.match(output, new RegExp(`^reading plans/${plan}.md on plan/${plan}, .*\ndone: 1.1\ndone: 1.2\ncommitted `));
  }
}

async function findTheCommits(terminal: TerminalSession): Promise<void> {
  terminal.say('Three branches with one commit each, and main as it was:');
  await terminal.show('git', 'log', '--oneline', '--graph', '--decorate', '--all');
  for (const [plan, title] of titles) {
    const { stdout } = await terminal.ask('git', 'log', '--format=%s', '--name-only', `main..plan/${plan}`);
    assert.deepEqual(stdout.split(/\n+/).sort(), ['', title, `${plan}.txt`, `plans/${plan}.md`].sort());
  }
  assert.equal((await terminal.ask('git', 'rev-list', '--count', 'main')).stdout, '1\n');
  assert.equal((await terminal.ask('git', 'status', '--porcelain')).stdout, '', 'the main checkout is untouched');
}

async function cleanUp(terminal: TerminalSession, stage: Stage): Promise<void> {
  terminal.say('The worktrees go, the branches with their work stay:');
  for (const plan of plans) {
    const { exitCode } = await terminal.show('wtd', 'plan', 'remove', plan);
    assert.equal(exitCode, 0, 'a finished plan can be removed');
  }
  await terminal.show('git', 'branch', '--all');
  assert.equal((await terminal.ask('git', 'for-each-ref', '--format=x', 'refs/heads')).stdout, 'x\n'.repeat(4));
  const { stdout: worktrees } = await terminal.ask('git', 'worktree', 'list', '--porcelain');
  assert.equal(worktrees.match(/^worktree /gm)?.length, 1, 'only the main worktree is left');
  await becomesTrue('the directory of the worktrees is gone', () => !existsSync(join(stage.repository, 'worktrees')));
  assert.equal((await terminal.show('wtd', 'shutdown', '--stop-runs')).exitCode, 0, 'the daemon ends when told to');
}

const listRuns = async (terminal: TerminalSession) =>
  (await answerOf<Result<'run.list'>>(terminal, 'run', 'list')).runs;

async function answerOf<Answer>(terminal: TerminalSession, ...words: string[]): Promise<Answer> {
  const { stdout } = await terminal.ask('wtd', ...words, '--json');
  return JSON.parse(stdout) as Answer;
}

/** Also after a failure halfway; nothing when no daemon answers. */
async function endDaemon(terminal: TerminalSession): Promise<void> {
  const { exitCode, stdout } = await terminal.ask('wtd', 'daemon', 'status', '--json');
  if (exitCode !== 0) return;
  const { pid } = JSON.parse(stdout) as Result<'daemon.status'>;
  const { exitCode: refusal } = await terminal.ask('wtd', 'shutdown', '--stop-runs');
  if (refusal !== 0) process.kill(pid, 'SIGTERM');
  await becomesTrue(`the daemon, pid ${pid}, is gone`, () => !isAlive(pid));
}

async function becomesTrue(sentence: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await isTrue())) {
    assert.ok(Date.now() < deadline, `it does not come true that ${sentence}`);
    await delay(20);
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function demonstrate(interrupted: AbortSignal): Promise<void> {
  let directory: string;
  const pids: number[] = [];
  {
    await using stage = await Stage.setUp(titles);
    directory = stage.directory;
    const terminal = new TerminalSession({ cwd: stage.repository, env: stage.environment }, interrupted);
    try {
      pids.push(...(await tellTheStory(terminal, stage)));
    } finally {
      await endDaemon(terminal);
    }
  }
  await becomesTrue('every process is gone', () => !pids.some(isAlive));
  assert.ok(!existsSync(directory), 'nothing is left behind');
  process.stdout.write('\n# All as it should be: three runs, three branches, one refusal, nothing left behind.\n');
}

const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    process.exitCode ??= signalExit(signal);
    interruption.abort(new Error(`it was interrupted by ${signal}`));
  });
}
await demonstrate(interruption.signal).catch((error: unknown) => {
  process.exitCode ??= 1;
  process.stderr.write(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}\n`);
});
