import { expect, test } from 'vitest';
import { completionMessage, titleOf } from '../../../../src/daemon/plans/homecoming/completion-message.ts';

const bare = { plan: 'login', strategy: 'merge' as const, title: null, file: null, progress: null, run: null };

test('a merge is called after the plan, a squash after what it is about', () => {
  expect(completionMessage(bare)).toBe('Merge plan login\n\nPlan: login\n');
  expect(completionMessage({ ...bare, strategy: 'squash' })).toBe('login\n\nPlan: login\n');
  const titled = { ...bare, title: 'Log in by mail' };
  expect(completionMessage(titled)).toBe('Merge plan login\n\nLog in by mail\n\nPlan: login\n');
  expect(completionMessage({ ...titled, strategy: 'squash' })).toBe('Log in by mail\n\nPlan: login\n');
});

test('tells what was done and where it was planned', () => {
  const progress = { total: 3, completed: 2, skipped: 1 };
  expect(completionMessage({ ...bare, progress, file: 'plans/login.md', run: 'f00' })).toBe(
    'Merge plan login\n\n2 of 3 tasks completed, 1 skipped.\n\nPlan: login\nPlan-File: plans/login.md\nPlan-Run: f00\n',
  );
});

test('nothing that a plan file says makes lines or trailers of its own', () => {
  const title = 'Log in\r\n\nPlan: other';
  const message = completionMessage({ ...bare, strategy: 'squash', title, file: 'a\nPlan-Run: x' });
  expect(message).toBe('Log in Plan: other\n\nPlan: login\nPlan-File: a Plan-Run: x\n');
});

test('a long title is cut in the subject and told whole below', () => {
  const title = 'word '.repeat(40).trim();
  const [subject = '', , body] = completionMessage({ ...bare, strategy: 'squash', title }).split('\n');
  expect(subject).toHaveLength(72);
  expect(body).toBe(title);
});

test('the title is the first heading', () => {
  expect(titleOf('text\n## Phase 1: x\n#  The login \n# Second\n')).toBe('The login');
  expect(titleOf('no heading\n#no space\n')).toBeNull();
  expect(titleOf(`# ${'x'.repeat(9000)}`)).toHaveLength(500);
});
