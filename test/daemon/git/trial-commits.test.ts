import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Git } from '../../../src/daemon/git/git.ts';
import { writeTrialCommits } from '../../../src/daemon/git/trial-commits.ts';
import { TrialObjects, tryMerges } from '../../../src/daemon/git/trial-merges.ts';

const git = new Git(process.env);

test.each(['sha1', 'sha256'])(
  'git merges on top of a trial commit and finds nothing wrong with it, %s',
  async (format) => {
    const directory = mkdtempSync(join(tmpdir(), 'wtd-trial-'));
    onTestFinished(() => {
      rmSync(directory, { recursive: true, force: true });
    });
    const byHand = (args: readonly string[], env: Readonly<Record<string, string>> = {}): string =>
      execFileSync('git', ['-C', directory, '-c', 'user.name=Ada', '-c', 'user.email=ada@example.com', ...args], {
        encoding: 'utf8',
        env: { ...process.env, ...env },
      }).trim();
    byHand(['init', '--quiet', '--initial-branch=main', `--object-format=${format}`]);
    byHand(['commit', '--quiet', '--allow-empty', '--message', 'base']);
    const tips = ['one', 'other'].map((name) => {
      byHand(['checkout', '--quiet', '-b', name, 'main']);
      writeFileSync(join(directory, name), name);
      byHand(['add', '--', name]);
      byHand(['commit', '--quiet', '--message', name]);
      return byHand(['rev-parse', 'HEAD']);
    });
    const [one = '', other = ''] = tips;
    const commonDir = join(directory, '.git');
    await using objects = await TrialObjects.open(join(directory, 'trials'), commonDir);
    const commits = [{ tree: byHand(['rev-parse', 'one^{tree}']), parents: [byHand(['rev-parse', 'main']), one] }];
    const [commit = ''] = await writeTrialCommits(objects, commits);
    expect(byHand(['fsck', '--strict', '--no-dangling', commit], objects.env)).toBe('');
    const [merge] = await tryMerges(git, commonDir, { pairs: [[commit, other]], objects });
    expect(byHand(['ls-tree', '--name-only', merge?.tree ?? ''], objects.env).split('\n')).toEqual(['one', 'other']);
  },
);
