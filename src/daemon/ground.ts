import type { Clock } from '../base/clock.ts';
import type { ClockWatch } from './clock-watch.ts';
import type { Configuration } from './config.ts';
import type { Git } from './git/git.ts';
import type { Logger } from './log.ts';
import type { Paths } from './paths.ts';
import type { Registry } from './registry/registry.ts';

/** What everything else is built on. */
export interface Ground {
  paths: Paths;
  configuration: Configuration;
  log: Logger;
  registry: Registry;
  clock: Clock;
  clockWatch: ClockWatch;
  git: Git;
  bootId: string;
  environment: Readonly<Record<string, string>>;
}
