import { describe, expect, test } from 'vitest';
import { findCgroups, groupIn, parseEnforced } from '../../../src/daemon/runs/cgroup.ts';

describe('the hierarchy of cgroup2', () => {
  const line = (root: string, place: string, type: string) =>
    `47 46 0:38 ${root} ${place} rw,relatime shared:4 master:1 - ${type} ${type} rw,nsdelegate`;

  test('is found wherever it is mounted, among others', () => {
    const others = [line('/', '/proc', 'proc'), line('/', '/sys/fs/cgroup/memory', 'cgroup'), ''];
    expect(findCgroups([...others, line('/', '/sys/fs/cgroup', 'cgroup2')].join('\n'))).toBe('/sys/fs/cgroup');
    expect(findCgroups([line('/', '/sys/fs/cgroup/unified', 'cgroup2'), ...others].join('\n'))).toBe(
      '/sys/fs/cgroup/unified',
    );
    expect(findCgroups(line('/', '/a\\040place\\134', 'cgroup2'))).toBe('/a place\\');
    expect(findCgroups('47 46 0:38 / /c rw - cgroup2 cgroup2 rw')).toBe('/c');
  });

  test('is not known where only a part of it is mounted, or nothing', () => {
    expect(findCgroups(line('/docker/x', '/sys/fs/cgroup', 'cgroup2'))).toBeUndefined();
    expect(findCgroups(line('/', '/sys/fs/cgroup/memory', 'cgroup'))).toBeUndefined();
    expect(findCgroups('')).toBeUndefined();
  });

  test('has one group for a process, whatever the older hierarchies have', () => {
    expect(groupIn('9:name=systemd:/init.scope\n4:memory:/\n0::/user.slice/a:b.scope\n')).toBe('/user.slice/a:b.scope');
    expect(groupIn('0::/\n')).toBe('/');
    expect(groupIn('4:memory:/\n')).toBeUndefined();
    expect(groupIn('')).toBeUndefined();
  });
});

test('what is enforced is what the files say; without a file, or with "max", nothing is', () => {
  const nothing = { memoryBytes: null, cpuPercent: null, tasks: null };
  expect(parseEnforced(['299999232\n', '250000 100000\n', '16384\n'])).toEqual({
    memoryBytes: 299_999_232,
    cpuPercent: 250,
    tasks: 16_384,
  });
  expect(parseEnforced(['max\n', 'max 100000\n', 'max\n'])).toEqual(nothing);
  expect(parseEnforced(['', '', ''])).toEqual(nothing);
  expect(parseEnforced([undefined, undefined, undefined])).toEqual(nothing);
  expect(parseEnforced(['0', '5000 10000', ''])).toEqual({ memoryBytes: 0, cpuPercent: 50, tasks: null });
});
