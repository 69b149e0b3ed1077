import { describe, expect, test } from 'vitest';
import { RemoteError } from '../../src/client/errors.ts';
import { isInstalled } from '../rig/installed.ts';
import { descriptorsOf, pidsOf } from '../rig/processes.ts';
import type { RawConnection } from '../rig/raw-connection.ts';
import { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';
import { failure } from '../rig/wire.ts';

const clear = ['LIMIT_REACHED', 'GIT_FAILED', 'SPAWN_FAILED', 'BUSY'];
const config = { limits: { max_concurrent: 100 }, resources: { min_disk_space_mb: 0 } };

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
    await using reader = await rig.connectRaw();
    await using other = await rig.connectRaw();
    for (const connection of [reader, other]) {
      for (let id = 1; id <= 60; id++) {
        const params = { plan: 'alive', repository: 'shop', follow: true };
        connection.send({ jsonrpc: '2.0', id, method: 'plan.logs', params });
      }
    }
    await until(() => descriptorsOf(rig.daemon.pid) >= 95, 'the descriptors are used up');

    await using client = await rig.connect().catch(() => undefined);
    const starts = await Promise.allSettled(
      Array.from({ length: 8 }, async (_, at) => {
        const params = {
          plan: `more-${at}`,
          repository: 'shop',
          command: ['sleep', '1000'],
          env: { ...rig.place.env },
        };
        return client ? client.call('plan.start', params) : undefined;
      }),
    );
    const refusals = starts.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
    for (const refusal of refusals) {
      if (refusal instanceof RemoteError) expect(clear, refusal.message).toContain(refusal.data.code);
    }
    console.log(starts.map((one) => (one.status === 'rejected' ? String(one.reason) : one.value?.state)));
    console.log(rig.daemon.readLog().slice(0, 6000));
    expect(pidsOf(run.id)).toHaveLength(2);
    await reader[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
    await client?.[Symbol.asyncDispose]();

    await until(() => descriptorsOf(rig.daemon.pid) <= before + 20, 'descriptors are free');
    expect((await rig.startSteered('later')).run.state).toBe('running');
    await child.exit(7);
    expect(await rig.wait('alive')).toMatchObject({ id: run.id, state: 'failed', exitCode: 7 });
  });
});
