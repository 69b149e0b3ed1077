import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Checkout } from '../rig/repository.ts';
import { Rig } from '../rig/rig.ts';
import { removeByHand, stateOf } from '../rig/tree-state.ts';

const rounds = Number(process.env['WTD_ROUNDS'] ?? 30);

/** Some of them are in the commit, some are not; a directory of one is the file of another. */
const names = [
  'a.txt',
  'b.bin',
  'dir',
  'dir/c.txt',
  'dir/deep/d.txt',
  'with space',
  '-n',
  'new\nline',
  '"quoted"\t',
  'ü/日本.txt',
  'unix.lf',
  'windows.crlf',
  'auto.any',
  'back\\slash',
  'git~1',
];
const contents = [
  '',
  'one\n',
  'one\ntwo\n',
  'one\r\ntwo\r\n',
  'mixed\r\nlines\n',
  '\0\u00ff\u0001binary',
  'x'.repeat(70_000),
];

const name = fc.constantFrom(...names);
const content = fc.constantFrom(...contents);

type Step =
  | { do: 'write'; name: string; content: string; mode: number }
  | { do: 'link'; name: string; target: string }
  | { do: 'delete' | 'stage' | 'unstage' | 'intend' | 'assume' | 'skip'; name: string }
  | { do: 'move'; name: string; to: string }
  | { do: 'commit' | 'detach' | 'merge' | 'stageAll' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('write' as const), name, content, mode: fc.constantFrom(0o644, 0o755) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('link' as const),
      name,
      target: fc.constantFrom('a.txt', 'nowhere', '..', 'new\nline'),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'delete' as const,
        'stage' as const,
        'stage' as const,
        'unstage' as const,
        'intend' as const,
        'assume' as const,
        'skip' as const,
      ),
      name,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('move' as const), name, to: name }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom('commit' as const, 'detach' as const, 'merge' as const, 'stageAll' as const),
    }),
  },
);

/** Leaves most of them unmerged. */
const conflict: Step[] = [
  { do: 'write', name: 'a.txt', content: 'ours\n', mode: 0o755 },
  { do: 'write', name: 'dir/c.txt', content: 'ours\n', mode: 0o644 },
  { do: 'write', name: 'with space', content: 'ours\n', mode: 0o644 },
  { do: 'stageAll' },
  { do: 'commit' },
  { do: 'merge' },
];

/** Tries each; what git or the file system refuses is simply not done. */
function apply(worktree: Checkout, step: Step): void {
  const git = (...args: string[]) => worktree.git('-c', 'advice.addEmbeddedRepo=false', ...args);
  const file = 'name' in step ? join(worktree.path, step.name) : '';
  try {
    switch (step.do) {
      case 'write':
        mkdirSync(dirname(file), { recursive: true });
        rmSync(file, { force: true });
        writeFileSync(file, step.content, 'latin1');
        chmodSync(file, step.mode);
        break;
      case 'link':
        mkdirSync(dirname(file), { recursive: true });
        rmSync(file, { force: true });
        symlinkSync(step.target, file);
        break;
      case 'delete':
        rmSync(file, { recursive: true, force: true });
        break;
      case 'stage':
        git('add', '--', step.name);
        break;
      case 'stageAll':
        git('add', '--all');
        break;
      case 'unstage':
        git('rm', '-r', '--cached', '--force', '--quiet', '--', step.name);
        break;
      case 'intend':
        git('add', '--intent-to-add', '--', step.name);
        break;
      case 'assume':
        git('update-index', '--assume-unchanged', '--', step.name);
        break;
      case 'skip':
        git('update-index', '--skip-worktree', '--', step.name);
        break;
      case 'move':
        git('mv', '--force', '--', step.name, step.to);
        break;
      case 'commit':
        git('commit', '--quiet', '--message', 'more');
        break;
      case 'detach':
        git('checkout', '--quiet', '--detach');
        break;
      case 'merge':
        git('merge', '--quiet', 'other');
        break;
    }
  } catch {
    // Such as a file in the place of a directory, or a name that is not there.
  }
}

/** A commit with something of everything, and a branch that conflicts with most of what is done. */
function prepare({ repository }: Rig): void {
  repository.commit({
    '.gitattributes': '*.lf text eol=lf\n*.crlf text eol=crlf\n*.any text=auto\n',
    'a.txt': 'one\n',
    'b.bin': '\0\u0001',
    'dir/c.txt': 'one\ntwo\n',
    'with space': '',
    'unix.lf': 'one\n',
    'windows.crlf': 'one\n',
    'auto.any': 'one\n',
  });
  repository.git('switch', '--quiet', '-c', 'other');
  repository.git('rm', '--quiet', 'dir/c.txt');
  repository.commit({ 'a.txt': 'other\n', 'with space': 'other\n', '-n': 'other\n' }, 'Other');
  repository.git('switch', '--quiet', 'main');
}

test('any state of a worktree comes back as it was', { timeout: 60_000 + rounds * 6000 }, async () => {
  await using rig = await Rig.setUp();
  prepare(rig);
  await rig.start('login', ['true']);
  await rig.wait('login');
  const { worktree: login } = await rig.call('plan.show', { plan: 'login', repository: 'shop' });
  const begin = await rig.call('worktree.snapshot', { worktree: login?.path ?? '' });
  let round = 0;
  const begun = fc.oneof(fc.constant([]), fc.constant(conflict));
  const property = fc.asyncProperty(begun, fc.array(step, { minLength: 1, maxLength: 14 }), async (first, steps) => {
    round += 1;
    const made = await rig.call('worktree.restore', { snapshot: begin.id, name: `round-${round}` });
    const worktree = rig.repository.at(made.path);
    for (const each of [...first, ...steps]) apply(worktree, each);
    const before = stateOf(worktree);
    const snapshot = await rig.call('worktree.snapshot', { worktree: made.path });
    expect(stateOf(worktree), 'nothing is touched').toEqual(before);
    removeByHand(rig.repository, worktree);
    if (round % 2 === 0 && rig.repository.branches().includes(`round-${round}`)) {
      rig.repository.git('branch', '-D', `round-${round}`);
    }
    rig.repository.git('reflog', 'expire', '--expire=now', '--all');
    rig.repository.git('prune', '--expire=now');
    const restored = await rig.call('worktree.restore', { snapshot: snapshot.id });
    const again = rig.repository.at(restored.path);
    expect(stateOf(again)).toEqual(before);
    again.git('fsck', '--no-dangling', '--connectivity-only');
    removeByHand(rig.repository, again);
    // Gives the ports of the two back.
    if (round % 50 === 0) await rig.call('daemon.doctor', { repair: true });
  });
  await fc.assert(property, { numRuns: rounds, endOnFailure: false });
});
