import { describe } from 'vitest';
import { ShimExecutor } from '../../../src/daemon/runs/shim.ts';
import { describeExecutor } from './executor-conformance.ts';

describe('the executor with a shell for a parent', () => {
  describeExecutor(() => new ShimExecutor({ PATH: '/usr/local/bin:/usr/bin:/bin' }), { holds: false });
});
