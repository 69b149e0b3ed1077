import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync } from 'node:fs';
import { onTestFinished } from 'vitest';

/** A file system in memory for one test; `undefined` when this machine lets nobody mount one. */
export function mountInMemory(
  path: string,
  what: { type: 'ramfs' | 'tmpfs'; options?: string },
): { unmount: () => void } | undefined {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  try {
    const options = what.options === undefined ? [] : ['-o', what.options];
    execFileSync('mount', ['-t', what.type, ...options, 'wtd-test', path], { stdio: 'pipe' });
  } catch {
    return undefined;
  }
  chmodSync(path, 0o700);
  let isMounted = true;
  const unmount = () => {
    if (isMounted) execFileSync('umount', ['--lazy', path]);
    isMounted = false;
  };
  onTestFinished(unmount);
  return { unmount };
}
