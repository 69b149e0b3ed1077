import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Rig } from './rig.ts';

export const databaseOf = (rig: Rig): string => join(rig.place.home, 'wtd.db');

/** With what SQLite keeps beside it. */
export function removeDatabase(rig: Rig): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(databaseOf(rig) + suffix, { force: true });
}

export const showRun = (rig: Rig, run: string) => rig.call('run.show', { run });

/** What must be known again: plan, attempt, state and exit code of each run. */
export const runsOf = async (rig: Rig) =>
  (await rig.call('run.list', {})).runs.map(({ plan, attempt, state, exitCode }) => [plan, attempt, state, exitCode]);
