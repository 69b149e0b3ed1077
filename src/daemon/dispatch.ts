import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type * as z from 'zod';
import { newId } from '../base/id.ts';
import { internal, shuttingDown, WtdError } from '../contract/errors.ts';
import { findFullDisk } from '../contract/full-disk.ts';
import { methods } from '../contract/index.ts';
import { findExhaustion } from './exhaustion.ts';
import type { Logger } from './log.ts';
import type { Caller, OpenStream, Services } from './methods/handler.ts';
import { handlers } from './methods/index.ts';
import { Sparing } from './sparing.ts';

type AnyHandler = (services: Services, params: unknown, caller: Caller) => unknown;

/** Flat, and without a prototype a name could reach. */
const table: ReadonlyMap<string, AnyHandler> = new Map(
  Object.entries(handlers).flatMap(([noun, verbs]) =>
    Object.entries(verbs).map(([verb, handler]) => [`${noun}.${verb}`, handler as AnyHandler] as const),
  ),
);

export interface Dispatch {
  has(method: string): boolean;
  waits(method: string): boolean;
  /** A result, or how to open a stream. Throws WtdError only; a defect becomes INTERNAL and is logged. */
  call(method: string, params: unknown, caller: Caller): Promise<unknown>;
  /** Until the calls in flight are answered, waits excepted; not for ever. */
  drain(): Promise<void>;
}

const drainPatienceMs = 10_000;
/** So many are told, so that the answer is not many times what was asked. */
const mostIssues = 20;
const longestPath = 200;

/** The one road to a method: find it, check what comes in, call its handler, check what goes out. */
export function createDispatch(parts: {
  services: Services;
  log: Logger;
  /** Under test every result is held against the contract. */
  checkResults: boolean;
  /** Where everything of wtd's own is written. */
  home: string;
  isEnding: () => boolean;
}): Dispatch {
  const { services, log, checkResults, home, isEnding } = parts;

  async function call(name: string, params: unknown, caller: Caller): Promise<unknown> {
    const method = methods.get(name);
    const handler = table.get(name);
    if (!method || !handler) throw noSuchMethod(name);
    if (isEnding() && name !== 'daemon.status') throw shuttingDown();
    const checked = method.params.safeParse(params);
    if (!checked.success) throw invalidParams(name, checked.error);
    const answer = await handler(services, checked.data, caller);
    if (!checkResults) return answer;
    if (!method.item) return checkedAgainst(method.result, answer, name);
    return checkedStream(answer as OpenStream<unknown>, (item) => checkedAgainst(method.item as z.ZodType, item, name));
  }

  const explain = createExplain(log, home);
  const inFlight = new Set<Promise<unknown>>();
  const waits = (method: string): boolean => methods.get(method)?.waits ?? false;

  return {
    has: (method) => table.has(method),
    waits,
    async drain() {
      await Promise.race([Promise.allSettled(inFlight), sleep(drainPatienceMs, undefined, { ref: false })]);
      await nextTurn(); // by then what was answered last has been handed to its connection
    },
    async call(method, params, caller) {
      const answer = call(method, params, caller);
      if (!waits(method)) inFlight.add(answer);
      try {
        return await answer;
      } catch (error) {
        throw explain(method, error);
      } finally {
        inFlight.delete(answer);
      }
    },
  };
}

/** What the caller is told of an error. A shortage of the machine is one too; anything else is a defect. */
function createExplain(log: Logger, home: string): (method: string, error: unknown) => WtdError {
  const shortages = new Sparing((times, about) => {
    log.warn({ times, err: about }, 'the machine is short of files or space');
  });
  return (method, error) => {
    if (error instanceof WtdError) {
      // Its message may repeat what was sent, and so a secret.
      log.debug({ method, code: error.code }, 'refused');
      return error;
    }
    const shortage = findExhaustion(error) ?? findFullDisk(error, home);
    if (shortage) {
      shortages.tell(error);
      return shortage;
    }
    const id = newId();
    log.error({ id, method, err: error }, 'a defect');
    return internal(id);
  };
}

function checkedAgainst(schema: z.ZodType, value: unknown, method: string): unknown {
  const checked = schema.safeParse(value);
  if (!checked.success) throw new Error(`${method} answers what its contract does not say: ${checked.error.message}`);
  if (isDeepStrictEqual(onWire(value), onWire(checked.data))) return value;
  throw new Error(`${method} answers a member the contract lacks: ${JSON.stringify(value)}`);
}

const onWire = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

const checkedStream = (open: OpenStream<unknown>, check: (item: unknown) => unknown): OpenStream<unknown> =>
  async function* (control) {
    for await (const item of open(control)) yield check(item);
  };

const noSuchMethod = (name: string): WtdError =>
  new WtdError('METHOD_NOT_FOUND', `there is no method ${name}`, { hint: 'rpc.discover lists all methods' });

function invalidParams(method: string, error: z.ZodError): WtdError {
  const all = error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({ path: [...issue.path, key].join('.'), message: 'is not a parameter' }))
      : [{ path: issue.path.join('.'), message: issue.message }],
  );
  const issues = all.slice(0, mostIssues).map(({ path, message }) => ({ path: path.slice(0, longestPath), message }));
  const sentences = issues.map(({ path, message }) => `${path}: ${message}`);
  if (all.length > issues.length) sentences.push(`and ${all.length - issues.length} more`);
  return new WtdError('INVALID_PARAMS', sentences.join('; '), {
    hint: `see the parameters of ${method} in rpc.discover`,
    issues,
  });
}
