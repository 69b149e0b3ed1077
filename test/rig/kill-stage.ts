import type { FaultPoint } from '../../src/base/fault-point.ts';
import type { Run } from '../../src/contract/models.ts';
import type { Rig } from './rig.ts';
import type { Steered } from './steered.ts';

/** A repository that is known, a plan `login` with a command that is steered, and another plan. */
export interface Stage {
  rig: Rig;
  child: Steered;
  busy: Steered;
  /** Its run, once `prepare` or `verify` knows it. */
  run?: Run;
}

/** One way to come by the points of an operation. */
export interface Scenario {
  title: string;
  /** Points of the operation that this way does not pass. */
  passesNot?: readonly FaultPoint[];
  maxConcurrent?: number;
  /** The daemon that is there before, when it is not the one that shall break. */
  firstFault?: string;
  prepare?: (stage: Stage) => Promise<unknown>;
  /** What the daemon dies of. Its answer, if any came, is not looked at. */
  act: (stage: Stage) => Promise<unknown>;
  /** With the next daemon: the operation is whole, or is done again and succeeds. */
  verify: (stage: Stage) => Promise<unknown>;
}
