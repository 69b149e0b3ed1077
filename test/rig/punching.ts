import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'vitest';

/** Not every kernel and file system can punch holes; what wtd does where they cannot has tests of its own. */
export function skipUnlessPunching(context: TestContext, directory: string): void {
  // Without holes there is nothing to see here: the output stays whole then, which another test tries.
  if (!canPunch(directory)) context.skip(`no holes can be punched in ${directory}`);
}

function canPunch(directory: string): boolean {
  const file = join(directory, 'punching');
  writeFileSync(file, Buffer.alloc(8192, 'x'));
  try {
    execFileSync('fallocate', ['--punch-hole', '--offset', '0', '--length', '4096', '--', file], { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  } finally {
    rmSync(file);
  }
}
