import type { MethodName } from '../../contract/index.ts';
import * as cleanup from './cleanup.ts';
import * as config from './config.ts';
import * as conflict from './conflict.ts';
import * as daemon from './daemon.ts';
import * as event from './event.ts';
import type { Handler } from './handler.ts';
import * as plan from './plan.ts';
import * as port from './port.ts';
import * as pool from './pool.ts';
import * as repository from './repository.ts';
import * as rpc from './rpc.ts';
import * as run from './run.ts';
import * as status from './status.ts';
import * as worktree from './worktree.ts';

type Handlers = {
  [M in MethodName as M extends `${infer N}.${string}` ? N : never]: {
    [
      V in MethodName as V extends `${M extends `${infer N}.${string}` ? N : never}.${infer Verb}` ? Verb : never
    ]: Handler<V>;
  };
};

/** Every method's handler, by noun and verb; one that is missing or wrongly typed does not compile. */
export const handlers = {
  cleanup,
  config,
  conflict,
  daemon,
  event,
  plan,
  pool,
  port,
  repository,
  rpc,
  run,
  status,
  worktree,
} satisfies Handlers;
