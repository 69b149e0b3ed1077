import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import { WtdError } from '../../src/contract/errors.ts';
import { openLog } from '../../src/daemon/log.ts';

function setUp() {
  const directory = mkdtempSync(join(tmpdir(), 'wtd-log-'));
  onTestFinished(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  const log = openLog(directory, () => ({ level: 'trace', max_mb: 1, keep: 1 }));
  const text = () => readFileSync(join(directory, 'daemon.log'), 'utf8');
  const last = () => JSON.parse(text().trimEnd().split('\n').at(-1) ?? '') as Record<string, unknown>;
  return { log, text, last };
}

test('an environment is hidden wherever it lies in what is logged', () => {
  const { log, text } = setUp();
  const env = { TOKEN: 'hush' };
  const failure = Object.assign(new Error('it failed'), { options: { env }, env, spawnargs: ['hush'] });
  log.error({ err: failure }, 'an error with an environment');
  log.error(failure, 'the same, bare');
  log.error({ cause: new Error('outer', { cause: failure }), list: [failure] }, 'errors elsewhere');
  log.info({ env, environment: env, params: { env, deep: [{ extraEnv: env, envPairs: ['TOKEN=hush'] }] } }, 'values');
  log.info({ err: new AggregateError([failure], 'several') }, 'several');
  log.info({ err: new WtdError('INTERNAL', 'x', { hint: 'h', options: { env } }) }, 'our own');
  expect(text().trimEnd().split('\n')).toHaveLength(6);
  expect(text()).not.toContain('hush');
});

test('the failure of a command is told without its environment and its output', async () => {
  const { log, text, last } = setUp();
  const failure: unknown = await execa('/bin/sh', ['-c', 'echo $TOKEN; echo $TOKEN >&2; exit 3'], {
    env: { TOKEN: 'hush' },
  }).catch((error: unknown) => error);
  expect((failure as Error).message).toContain('hush');
  log.error({ err: failure }, 'a command failed');
  expect(text()).not.toContain('hush');
  expect(last()['err']).toMatchObject({
    type: 'ExecaError',
    message: expect.stringContaining('exit code 3') as unknown,
  });
});

test('an error is told by its type, message, stack, code, our data and its cause', () => {
  const { log, last } = setUp();
  const cause = Object.assign(new TypeError('inner'), { code: 'ENOSPC', secret: 1 });
  const error = Object.assign(new Error('outer', { cause }), { data: { code: 'BUSY', hint: 'wait' } });
  log.error({ err: error, run: 'r1' }, 'failed');
  expect(last()).toEqual({
    level: 50,
    time: expect.stringMatching(/Z$/) as unknown,
    pid: process.pid,
    run: 'r1',
    err: {
      type: 'Error',
      message: 'outer',
      stack: expect.stringContaining('log.test.ts') as unknown,
      data: { code: 'BUSY', hint: 'wait' },
      cause: { type: 'TypeError', message: 'inner', stack: expect.any(String) as unknown, code: 'ENOSPC' },
    },
    msg: 'failed',
  });
});

test('an error that hides another one tells of both', () => {
  const { log, last } = setUp();
  const hiding = Object.assign(new Error('while undoing'), {
    error: new Error('undo'),
    suppressed: new Error('first'),
  });
  log.error({ err: hiding }, 'failed');
  expect(last()['err']).toMatchObject({ error: { message: 'undo' }, suppressed: { message: 'first' } });
});

test('no line is endless', () => {
  const { log, text } = setUp();
  const circle: Record<string, unknown> = {
    text: 'x'.repeat(1_000_000),
    list: Array.from({ length: 100_000 }, () => 1),
  };
  circle['again'] = circle;
  log.info(circle, 'much');
  expect(text().length).toBeLessThan(200_000);
  expect(text()).toContain('much');
});
