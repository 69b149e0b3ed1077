import { expect, test } from 'vitest';
import { describeCompletion } from '../../src/cli/completion-text.ts';
import type { Result } from '../../src/contract/index.ts';

const planned = (kind: 'merge' | 'pull_request'): Result<'plan.complete'> => ({
  merged: false,
  into: 'main',
  commit: null,
  strategy: null,
  steps: [{ plan: 'login', kind, detail: 'a step' }],
  dependants: [],
  archive: null,
  plans: [{ plan: 'login', state: 'planned', into: 'main', commit: null, archive: null, error: null }],
  pr: null,
  warnings: [],
});

test('what is only planned says whether it is a merge or the wish for one', () => {
  expect(describeCompletion(planned('merge'))).toBe(
    'login would be merged into main; nothing has changed:\n  1. a step\n',
  );
  expect(describeCompletion(planned('pull_request'))).toBe(
    'the merge of login into main would be asked for; nothing has changed:\n  1. a step\n',
  );
});
