import { describe, expect, test } from 'vitest';
import { allowedKeys, configSchema } from '../../src/daemon/config-schema.ts';

const accepts = (value: unknown) => configSchema.safeParse(value).success;

describe('the configuration', () => {
  test('has the published defaults', () => {
    expect(configSchema.parse({})).toEqual({
      worktrees: {
        directory: 'worktrees',
        branch_prefix: 'plan/',
        parallel_worktrees: 10,
        allocation_strategy: 'on_demand',
        pool_size: 2,
        setup: { copy: ['.env', '.env.local'], clone: ['node_modules'], run: [], timeout: '30m' },
        resource_limits: { max_disk_mb: null, max_memory_mb: null, max_cpu_percent: null },
        cleanup_policy: { idle_timeout: '24h', max_age: '14d', cleanup_on_complete: true, keep_failed: true },
        auto_cleanup: true,
        disk_budget_mb: null,
      },
      ports: { base: 8100, range_size: 10, last: 12_099 },
      limits: {
        max_concurrent: 3,
        max_per_repository: null,
        queue_size: 100,
        max_machine_cpu_percent: null,
        max_runtime: null,
        max_silence: null,
        on_breach: 'stop',
        sample_interval: '2s',
      },
      resources: { min_disk_space_mb: 500, warn_disk_space_mb: 1000 },
      schedule: { cleanup: '0 * * * *', reconcile: '* * * * *', timezone: 'local' },
      orchestrator: { command: null, shutdown_timeout: '30s', heartbeat_interval: '10s', stale_threshold: '60s' },
      completion: { merge_strategy: 'merge', archive: true, verify: [], timeout: '30m' },
      snapshots: { keep: '30d' },
      runs: { keep: '30d', max_log_mb: 1000 },
      events: { keep: 100_000 },
      log: { level: 'info', max_mb: 50, keep: 5 },
    });
  });

  test('keeps the other defaults of a section when one key is set', () => {
    expect(configSchema.parse({ ports: { base: 9000 } }).ports).toEqual({ base: 9000, range_size: 10, last: 12_099 });
    expect(configSchema.parse({ limits: { max_per_repository: 2 } }).limits).toMatchObject({ max_concurrent: 3 });
  });

  test('knows the keys of every place, for whoever mistyped one', () => {
    expect(allowedKeys(configSchema, [])).toEqual(Object.keys(configSchema.parse({})));
    expect(allowedKeys(configSchema, ['ports'])).toEqual(['base', 'range_size', 'last']);
    expect(allowedKeys(configSchema, ['nothing'])).toEqual([]);
    expect(allowedKeys(configSchema, ['ports', 'base'])).toEqual([]);
  });

  test('takes no key that it does not know', () => {
    expect(accepts({ port: {} })).toBe(false);
    expect(accepts({ ports: { basis: 1 } })).toBe(false);
  });

  test.each(['', 'plan/', 'team/plans/', 'a.b/'])('takes the branch prefix %j', (branch_prefix) => {
    expect(accepts({ worktrees: { branch_prefix } })).toBe(true);
  });

  test.each(['plan', '/', 'a//', '../', './', '-a/', 'a..b/', 'a.lock/', 'a./', 'a b/', '@{/', `${'a'.repeat(65)}/`])(
    'does not take the branch prefix %j, which no branch could have',
    (branch_prefix) => {
      expect(accepts({ worktrees: { branch_prefix } })).toBe(false);
    },
  );

  test.each(['..', '../x', 'a/../b', '/a/..', ''])('does not take the directory %j', (directory) => {
    expect(accepts({ worktrees: { directory } })).toBe(false);
  });

  test('takes durations as people write them', () => {
    for (const keep of ['30d', '24h', '5m', '90s', '500ms', '1.5h', '2w'])
      expect(accepts({ runs: { keep } })).toBe(true);
    for (const keep of ['', 'soon', '-1d', '1 month', '1h30m', 30, null])
      expect(accepts({ runs: { keep } })).toBe(false);
  });
});
