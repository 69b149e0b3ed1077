import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../../src/client/client.ts';
import { RemoteError, UnavailableError } from '../../src/client/errors.ts';
import type { Random } from './random.ts';
import { keyOf, type Actor, type World } from './world.ts';

/** Refusals that are right whatever happens; any other answer that is no success is a violation. */
const expected = new Set([
  'DISK_LOW',
  'DUPLICATE_RUN',
  'INVALID_STATE',
  'LIMIT_REACHED',
  'NOT_FOUND',
  'SHUTTING_DOWN',
  'TIMEOUT',
  'UNAVAILABLE',
  'UNSAFE',
]);

type Deed = (client: Client, actor: Actor) => Promise<void>;

/** Keeps every plan busy until the signal; answers the refusals that should not have been. */
export async function keepBusy(world: World, random: Random, signal: AbortSignal): Promise<string[]> {
  const surprises: string[] = [];
  const act = async (actor: Actor): Promise<void> => {
    while (!signal.aborted) {
      const [name, deed] = chooseDeed(world, random);
      const surprise = await attempt(world, (client) => deed(client, actor));
      if (surprise !== undefined) surprises.push(`${name} of ${actor.plan}: ${surprise}`);
      await sleep(random.between(20, 300), undefined, { signal }).catch(() => undefined);
    }
  };
  await Promise.all(world.actors.map(act));
  return surprises;
}

/** Undefined when it went as it may. */
async function attempt(world: World, deed: (client: Client) => Promise<void>): Promise<string | undefined> {
  try {
    await using client = await world.daemon.connect();
    await deed(client);
    return undefined;
  } catch (error) {
    if (error instanceof UnavailableError) return undefined;
    if (error instanceof RemoteError && expected.has(error.data.code)) return undefined;
    return error instanceof RemoteError ? `${error.data.code} ${error.message}` : String(error);
  }
}

function chooseDeed(world: World, random: Random): [string, Deed] {
  const lot = random.next();
  if (lot < 0.7) return ['plan.start', start(world, random)];
  if (lot < 0.78) return ['plan.stop', stop(world, random.chance(0.3))];
  if (lot < 0.84) return ['plan.restart', restart(world)];
  if (lot < 0.9) return ['plan.remove', remove(world)];
  if (lot < 0.95) return ['plan.pause', pause];
  return ['plan.wait', waitABit];
}

const start =
  (world: World, random: Random): Deed =>
  async (client, actor) => {
    const command = world.commandOf({
      lines: random.between(1, 30),
      pauseMs: random.between(1, 60),
      code: random.pick([0, 0, 1, 3, 42, 255]),
      hasStray: random.chance(0.1),
    });
    const run = await client.call('plan.start', { ...actor, command, env: { ...world.home.env } });
    world.acknowledged.set(run.id, actor);
  };

const stop =
  (world: World, force: boolean): Deed =>
  async (client, actor) => {
    world.stopsAsked.add(keyOf(actor.repository, actor.plan));
    await client.call('plan.stop', { ...actor, force });
  };

const restart =
  (world: World): Deed =>
  async (client, actor) => {
    world.stopsAsked.add(keyOf(actor.repository, actor.plan));
    const run = await client.call('plan.restart', { ...actor, env: { ...world.home.env } });
    world.acknowledged.set(run.id, actor);
  };

const remove =
  (world: World): Deed =>
  async (client, actor) => {
    world.removalsAsked.add(keyOf(actor.repository, actor.plan));
    await client.call('plan.remove', { ...actor });
  };

const pause: Deed = async (client, actor) => {
  await client.call('plan.pause', { ...actor });
  await client.call('plan.resume', { ...actor });
};

const waitABit: Deed = async (client, actor) => {
  await client.call('plan.wait', { ...actor, timeoutMs: 100 });
};
