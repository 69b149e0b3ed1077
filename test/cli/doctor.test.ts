import { describe, expect, test } from 'vitest';
import type { Result } from '../../src/contract/index.ts';
import type { Finding } from '../../src/contract/models.ts';
import { wtd } from './rig.ts';

const finding = (changes: Partial<Finding> = {}): Finding => ({
  kind: 'row_without_worktree',
  subject: '/home/dev/shop/worktrees/plan-login',
  repository: 'shop',
  detail: 'the directory is gone',
  repaired: false,
  advice: 'mend it with `wtd doctor --repair`',
  ...changes,
});

const diagnosis = (findings: Finding[], warnings: string[] = []): Result<'daemon.doctor'> => ({
  findings,
  facts: {
    executor: 'shim',
    enforces: { memory: 'sampled', cpu: 'sampled', tasks: 'no' },
    service: 'systemd',
    git: '2.39.5',
    node: '20.19.0',
    warnings,
  },
});

const answering = (answer: unknown) => ({ methods: { 'daemon.doctor': () => answer } });

describe('wtd doctor', () => {
  test('shows each finding with what to do, then what the machine can do, and exits 1', async () => {
    const stray = finding({ kind: 'process_without_run', subject: '42', repository: null, advice: 'end\u001b it' });
    const { out, exitCode } = await wtd(['doctor'], answering(diagnosis([finding(), stray], ['git is old'])));
    expect(out).toBe(
      [
        'found row without worktree: worktrees/plan-login (shop)',
        '  the directory is gone',
        '  mend it with `wtd doctor --repair`',
        '',
        'found process without run: 42',
        '  the directory is gone',
        '  end  it',
        '',
        '2 left',
        '',
        'executor  shim',
        'limits    memory sampled, cpu sampled, tasks no',
        'service   systemd',
        'git       2.39.5',
        'node      20.19.0',
        'warning: git is old',
        '',
      ].join('\n'),
    );
    expect(exitCode).toBe(1);
  });

  test('exits 0 when all is repaired, and 1 when one is not', async () => {
    const repaired = finding({ repaired: true, advice: null });
    const all = await wtd(['doctor', '--repair'], answering(diagnosis([repaired])));
    expect(all.out).toContain('repaired row without worktree');
    expect(all.out).toContain('\n1 repaired, 0 left\n');
    expect(all.exitCode).toBe(0);
    const some = await wtd(['doctor', '--repair'], answering(diagnosis([repaired, finding()])));
    expect(some.out).toContain('\n1 repaired, 1 left\n');
    expect(some.exitCode).toBe(1);
  });

  test('gives programs the answer unchanged, with the same exit code', async () => {
    const answer = diagnosis([finding()]);
    const { out, exitCode } = await wtd(['daemon', 'doctor', '--json'], answering(answer));
    expect(JSON.parse(out)).toEqual(answer);
    expect(exitCode).toBe(1);
  });
});
