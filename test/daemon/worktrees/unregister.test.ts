import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { unregister } from '../../../src/daemon/worktrees/unregister.ts';

/** An entry of git's for a worktree; `left` is what a removal that fails leaves of it. */
async function unregisterWhere(left: readonly string[]): Promise<boolean> {
  const commonDir = mkdtempSync(join(tmpdir(), 'wtd-'));
  try {
    const entry = join(commonDir, 'worktrees', 'login');
    mkdirSync(entry, { recursive: true });
    writeFileSync(join(entry, 'gitdir'), '/srv/login/.git\n');
    const write = () => {
      rmSync(join(entry, 'gitdir'));
      for (const name of left) writeFileSync(join(entry, name), '/srv/login/.git\n');
      return Promise.reject(new Error('Directory not empty'));
    };
    await unregister({ write } as never, commonDir, '/srv/login');
    return existsSync(entry);
  } finally {
    rmSync(commonDir, { recursive: true });
  }
}

test('half an entry that a gc at the same moment left is taken away as well', async () => {
  expect(await unregisterWhere(['HEAD.lock'])).toBe(false);
});

test('an entry that is still whole is a failure that is told', async () => {
  await expect(unregisterWhere(['gitdir'])).rejects.toThrow('Directory not empty');
});
