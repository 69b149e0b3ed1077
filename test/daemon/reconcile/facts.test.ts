import { expect, test } from 'vitest';
import { gitWarnings } from '../../../src/daemon/reconcile/facts.ts';

test('git warns when it is too old to merge without a checkout, or cannot be read', () => {
  for (const version of ['2.38.0', '2.39.5', '2.100.1', '3.0.0']) expect(gitWarnings(version)).toEqual([]);
  for (const version of ['2.37.9', '2.9.1', '1.99.0']) {
    expect(gitWarnings(version)).toEqual([expect.stringContaining(`git ${version} is older than 2.38`)]);
  }
  for (const version of ['', 'unknown']) expect(gitWarnings(version)).toEqual([expect.stringContaining('installed')]);
});
