import type * as z from 'zod';
import * as cleanup from './cleanup.ts';
import * as config from './config.ts';
import * as conflict from './conflict.ts';
import * as daemon from './daemon.ts';
import * as event from './event.ts';
import type { Method } from './method.ts';
import * as plan from './plan.ts';
import * as port from './port.ts';
import * as pool from './pool.ts';
import * as repository from './repository.ts';
import * as rpc from './rpc.ts';
import * as run from './run.ts';
import * as status from './status.ts';
import * as worktree from './worktree.ts';

/** Everything wtd can do: noun, verb, method. */
const contract = { cleanup, config, conflict, daemon, event, plan, pool, port, repository, rpc, run, status, worktree };

type Contract = typeof contract;
type Verb<N extends keyof Contract> = {
  [V in keyof Contract[N]]: Contract[N][V] extends Method<z.ZodObject, z.ZodType, unknown> ? V : never;
}[keyof Contract[N]] &
  string;

export type MethodName = { [N in keyof Contract]: `${N}.${Verb<N>}` }[keyof Contract];

type Entry<M extends MethodName> = M extends `${infer N extends keyof Contract}.${infer V}`
  ? V extends keyof Contract[N]
    ? Contract[N][V]
    : never
  : never;

/** What the caller of a method gives. */
export type Params<M extends MethodName> = Entry<M> extends Method<infer P, z.ZodType, unknown> ? z.infer<P> : never;
/** What a method answers; of a streaming method, its items. */
export type Result<M extends MethodName> =
  Entry<M> extends Method<z.ZodObject, infer R, infer I> ? (I extends z.ZodType ? z.infer<I> : z.infer<R>) : never;

export type StreamName = {
  [M in MethodName]: Entry<M> extends Method<z.ZodObject, z.ZodType, infer I>
    ? I extends z.ZodType
      ? M
      : never
    : never;
}[MethodName];

/** The same table, flat: public name to method. */
export const methods: ReadonlyMap<string, Method<z.ZodObject, z.ZodType, z.ZodType | undefined>> = new Map(
  Object.entries(contract).flatMap(([noun, verbs]) =>
    Object.entries(verbs).map(([verb, entry]) => [`${noun}.${verb}`, entry as Method] as const),
  ),
);
