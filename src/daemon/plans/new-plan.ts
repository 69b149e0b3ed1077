import { newId } from '../../base/id.ts';
import type { PlanRow } from '../registry/rows.ts';

type Given = Pick<PlanRow, 'repositoryId' | 'name' | 'branch' | 'base'> & { now: number };

/** A plan that has never run, with nothing said of it. */
export const newPlan = ({ now, ...given }: Given): PlanRow => ({
  ...given,
  id: newId(),
  baseCommit: null,
  file: null,
  command: [],
  dependsOn: [],
  limits: null,
  worktreeId: null,
  reported: [],
  progress: null,
  intent: null,
  outcome: null,
  lastAttempt: 0,
  createdAt: now,
  lastActivityAt: now,
});
