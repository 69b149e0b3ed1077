import { describe, expect, test } from 'vitest';
import { RemoteError } from '../../src/client/errors.ts';
import { isInstalled } from '../rig/installed.ts';
import { descriptorsOf, pidsOf } from '../rig/processes.ts';
import type { RawConnection } from '../rig/raw-connection.ts';
import { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';
import { failure } from '../rig/wire.ts';

const clear = ['LIMIT_REACHED', 'GIT_FAILED', 'SPAWN_FAILED', 'BUSY'];
const config = {
  limits: { max_concurrent: 100 },
  resources: { min_disk_space_mb: 0 },
  schedule: { reconcile: '* * * * * *' },
};

describe.runIf(isInstalled('prlimit'))('a daemon with few file descriptors', () => {
  test('takes as many connections as leave room for its work', async () => {
    await using rig = await Rig.setUp({ config, descriptors: 128 });
    const connections: RawConnection[] = [];
    for (let count = 0; count < 32; count++) connections.push(await rig.connectRaw());
    expect(await connections[31]?.ask('daemon.status')).toMatchObject({ result: { counts: { connections: 32 } } });
    await using refused = await rig.connectRaw();
    expect(await refused.next()).toEqual(failure(null, 'LIMIT_REACHED'));
    await connections.pop()?.[Symbol.asyncDispose]();
    const { state } = await until(() => rig.start('login', ['sleep', '1000']), 'there is a place again');
    expect(state).toBe('running');
    for (const connection of connections) await connection[Symbol.asyncDispose]();
  });

  test('that is out of them refuses clearly, loses no run, and works again when some are free', async () => {
    await using rig = await Rig.setUp({ config, descriptors: 100 });
    const { run, child } = await rig.startSteered('alive');
    const before = descriptorsOf(rig.daemon.pid);
    await using client = await rig.connect();
    const followers = [await rig.connectRaw(), await rig.connectRaw()];
    for (const follower of followers) {
      for (let id = 1; id <= 60; id++) {
        const params = { plan: 'alive', repository: 'shop', follow: true };
        follower.send({ jsonrpc: '2.0', id, method: 'plan.logs', params });
      }
    }
    await until(() => descriptorsOf(rig.daemon.pid) >= 95, 'the descriptors are used up');
    const env = { ...rig.place.env };
    const starts = await Promise.allSettled(
      Array.from({ length: 8 }, (_, at) =>
        client.call('plan.start', { plan: `more-${at}`, repository: 'shop', command: ['sleep', '1000'], env }),
      ),
    );
    for (const start of starts) {
      if (start.status === 'fulfilled') expect(['running', 'queued']).toContain(start.value.state);
      else if (start.reason instanceof RemoteError)
        expect(clear, start.reason.message).toContain(start.reason.data.code);
      else throw start.reason;
    }
    expect(pidsOf(run.id)).toHaveLength(2);
    expect(await client.call('daemon.status', {})).toHaveProperty('pid', rig.daemon.pid);
    for (const follower of followers) await follower[Symbol.asyncDispose]();

    await until(() => descriptorsOf(rig.daemon.pid) <= before + 20, 'descriptors are free');
    const begun = starts.filter(({ status }) => status === 'fulfilled').length;
    await until(() => rig.repository.worktrees().length === 2 + begun, 'of the refused ones nothing is left');
    expect((await rig.startSteered('later')).run.state).toBe('running');
    await child.exit(7);
    expect(await rig.wait('alive')).toMatchObject({ id: run.id, state: 'failed', exitCode: 7 });
  });
});
