import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Whether holes can be punched into the files of a directory. */
export function canPunch(directory: string): boolean {
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
