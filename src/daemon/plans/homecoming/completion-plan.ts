import type { CompletionStep, MergeStrategy } from '../../../contract/models.ts';

/** What a completion is to do; every refusal is behind it. */
export interface Decided {
  plan: string;
  branch: string;
  /** The last commit of the branch. */
  tip: string;
  /** The branch it is merged into, and where that stands. */
  into: string;
  from: string;
  strategy: MergeStrategy;
  /** Where the target is checked out; null: nowhere. */
  checkout: string | null;
  /** Commands that must succeed on the merged tree. */
  verify: readonly (readonly string[])[];
  archive: string | null;
  /** The worktree that is taken away; null: none. */
  worktree: string | null;
  deleteBranch: boolean;
}

export interface Step {
  plan: string;
  kind: CompletionStep;
  detail: string;
}

/** Every step, in order, so that a dry run tells exactly what a real one does. Pure. */
export function planSteps(decided: Decided): Step[] {
  const { plan, branch, into, archive, worktree, verify } = decided;
  const step = (kind: CompletionStep, detail: string): Step => ({ plan, kind, detail });
  return [
    step('merge', describeMerge(decided)),
    ...verify.map((words) => step('verify', `run ${words.join(' ')} on the merged tree`)),
    ...(archive === null ? [] : [step('archive', `keep ${branch} at ${short(decided.tip)} as the tag ${archive}`)]),
    step('move', describeMove(decided)),
    step('record', `record that ${plan} is completed`),
    ...(worktree === null ? [] : [step('remove_worktree', `take ${worktree} away and give its ports back`)]),
    ...(decided.deleteBranch ? [step('delete_branch', `delete the branch ${branch}, which ${into} has`)] : []),
  ];
}

function describeMerge({ branch, tip, into, from, strategy }: Decided): string {
  const both = `${branch} (${short(tip)}) into ${into} (${short(from)})`;
  switch (strategy) {
    case 'merge':
      return `merge ${both}`;
    case 'squash':
      return `squash ${both} as one commit`;
    case 'ff':
      return `fast-forward ${into} (${short(from)}) to ${branch} (${short(tip)})`;
  }
}

const describeMove = ({ into, checkout }: Decided): string =>
  checkout === null ? `move ${into}, which is checked out nowhere` : `move ${into} and the files of ${checkout}`;

const short = (commit: string): string => commit.slice(0, 10);
