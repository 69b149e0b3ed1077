import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { StreamSource } from '../../src/rpc/stream-source.ts';
import { serve } from '../rpc/rig.ts';

const main = join(import.meta.dirname, '../../src/main.ts');

/** Lines without end. */
const chatter = () =>
  new StreamSource(async function* ({ signal }) {
    for (let offset = 0; !signal.aborted; offset++) yield await Promise.resolve({ offset, line: 'x'.repeat(1000) });
  });

test('a reader that has seen enough ends the command quietly', async () => {
  const { path } = await serve({ 'plan.logs': chatter });
  const wtd = `"${process.execPath}" --import tsx "${main}" logs login -f`;
  const { stdout, stderr } = await execa('bash', ['-c', `${wtd} | head -n 2; echo "\${PIPESTATUS[0]}"`], {
    env: { WTD_SOCKET: path, WTD_AUTOSTART: '0' },
  });
  const line = 'x'.repeat(1000);
  expect({ stdout, stderr }).toEqual({ stdout: `${line}\n${line}\n0`, stderr: '' });
});

test('a slow reader gets every line', async () => {
  const lines = Array.from({ length: 5000 }, (_, index) => ({
    offset: index,
    line: `line ${index} ${'y'.repeat(100)}`,
  }));
  const { path } = await serve({
    'plan.logs': () =>
      new StreamSource(async function* () {
        yield* await Promise.resolve(lines);
      }),
  });
  const wtd = `"${process.execPath}" --import tsx "${main}" logs login`;
  const { stdout } = await execa('bash', ['-c', `${wtd} | (sleep 0.5; cat) | wc -l`], {
    env: { WTD_SOCKET: path, WTD_AUTOSTART: '0' },
  });
  expect(stdout.trim()).toBe('5000');
});
