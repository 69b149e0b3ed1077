import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { findProcess, parseStat } from '../../../src/daemon/runs/process-table.ts';

/** A line of proc(5) with a name and a state of one's own. */
const stat = (name: string, state = 'S') =>
  `4242 (${name}) ${state} 17 4242 4200 0 -1 4194304 100 0 0 0 1 2 0 0 20 0 1 0 987654 1000 200 18446744073709551615 0\n`;

const entry = { pid: 4242, parent: 17, group: 4242, session: 4200, start: '987654', zombie: false, stopped: false };

describe('a line of /proc/PID/stat', () => {
  test.each(['sh', '', 'with space', ')', '(', ') S 1 2 3 (', 'new\nline', '((sd-pam))'])(
    'is read whatever the process is called: %j',
    (name) => {
      expect(parseStat(stat(name))).toEqual({ ...entry, name });
    },
  );

  test('says whether the process is a zombie, dead or stopped', () => {
    expect(parseStat(stat('sh', 'Z'))).toMatchObject({ ...entry, zombie: true });
    expect(parseStat(stat('sh', 'X'))).toMatchObject({ ...entry, zombie: true });
    for (const state of ['R', 'S', 'D', 't', 'I']) expect(parseStat(stat('sh', state))).toMatchObject(entry);
    expect(parseStat(stat('sh', 'T'))).toMatchObject({ ...entry, stopped: true });
  });

  test('that is cut or empty tells nothing', () => {
    for (const text of ['', '4242', '4242 (sh', '4242 (sh) S 17 4242']) expect(parseStat(text)).toBeUndefined();
  });

  test.runIf(process.platform === 'linux')('of this very process is read right', async () => {
    expect(parseStat(readFileSync('/proc/self/stat', 'latin1'))).toMatchObject({
      pid: process.pid,
      parent: process.ppid,
    });
    expect(await findProcess(process.pid)).toMatchObject({ pid: process.pid, parent: process.ppid, zombie: false });
    expect(await findProcess(2 ** 30)).toBeUndefined();
  });
});
