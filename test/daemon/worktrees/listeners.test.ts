import { describe, expect, test } from 'vitest';
import { findListeners, parseListening, parseLsof } from '../../../src/daemon/worktrees/listeners.ts';
import { tryListen } from '../../rig/listener.ts';

describe('the table of sockets', () => {
  test('gives the listening ones of both families, and no others', () => {
    const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1FA4 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000 100 0 0 10 0
   1: 0100007F:1FA4 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0000 20 4 30 10 -1
   2: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1000 0 4713 1
`;
    expect(parseListening(table)).toEqual([
      { port: 8100, inode: '4711' },
      { port: 80, inode: '4713' },
    ]);
  });

  test('may be empty, cut or not there', () => {
    expect(parseListening('')).toEqual([]);
    expect(parseListening('  sl  local_address')).toEqual([]);
    expect(parseListening('x\n   0: 0100007F:1FA4 00000000:0000 0A')).toEqual([]);
    expect(parseListening('x\n   0: nonsense 0 0A 0 0 0 0 0 12')).toEqual([]);
  });
});

test('what lsof says is read by process and file', () => {
  expect(parseLsof('p412\ncnode\nf23\nn*:8100\nf24\nn[::1]:8101\np500\ncpython3\nf3\nn127.0.0.1:8102\n')).toEqual([
    { port: 8100, pid: 412, command: 'node' },
    { port: 8101, pid: 412, command: 'node' },
    { port: 8102, pid: 500, command: 'python3' },
  ]);
  expect(parseLsof('')).toEqual([]);
  expect(parseLsof('p1\ncx\nnnothing')).toEqual([]);
});

test.skipIf(process.platform !== 'linux')('whoever listens in a range is found with process and command', async () => {
  await using _loopback = await tryListen(23_901, '127.0.0.1');
  await using _outside = await tryListen(23_910, '127.0.0.1');
  const found = await findListeners([{ start: 23_900, end: 23_909 }]);
  expect(found).toEqual([{ port: 23_901, pid: process.pid, command: expect.stringContaining('node') as unknown }]);
});
