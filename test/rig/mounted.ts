import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync } from 'node:fs';
import { onTestFinished, type TestContext } from 'vitest';

/**
 * A file system in memory for one test, which is skipped where nobody may mount one: a disk that is full, or that cannot
 * punch holes, is not to be had in another way.
 */
export function mountInMemory(
  context: TestContext,
  path: string,
  what: { type: 'ramfs' | 'tmpfs'; options?: string },
): { unmount: () => void } {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  try {
    const options = what.options === undefined ? [] : ['-o', what.options];
    execFileSync('mount', ['-t', what.type, ...options, 'wtd-test', path], { stdio: 'pipe' });
  } catch {
    // Only root may mount, and not in every container; without it the test would try an ordinary disk.
    context.skip(`no ${what.type} can be mounted at ${path}`);
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
