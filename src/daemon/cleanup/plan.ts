import { formatDuration } from '../../base/duration.ts';
import type { GoingEntry, GoReason, SweepEntry } from '../../contract/cleanup.ts';
import type { PlanRow, RepositoryRow, WorktreeRow } from '../registry/rows.ts';
import { findBlockers, type Blocker, type Findings } from '../worktrees/safety.ts';

/** What git and the disk say of a worktree; undefined: it could not be found out. */
export interface Seen {
  findings: Omit<Findings, 'activeRun'>;
  /** Why it is not this home's to take away. */
  claim: Blocker | null | undefined;
  isMissing: boolean;
  /** It has commits that its base lacks. */
  isUnmerged: boolean | undefined;
  /** It had commits of its own, and its base has them. */
  isMerged: boolean;
}

export interface Policy {
  idleMs: number;
  maxAgeMs: number;
  keepFailed: boolean;
}

/** All that a sweep decides by. */
export interface Candidate {
  row: WorktreeRow;
  repository: RepositoryRow;
  plan: PlanRow | undefined;
  policy: Policy;
  /** It is being made or taken away right now. */
  isBusy: boolean;
  activeRun: string | null;
  /** Who holds its lease. */
  leaseHolder: string | null;
  /** A process that works in it. */
  occupant: string | null;
  diskMb: number | null;
  /** Undefined: nobody looked, because somebody holds it. */
  seen: Seen | undefined;
}

/** What is asked of a sweep. */
export interface Terms {
  now: number;
  /** Replaces the ages of the policy. */
  olderThanMs: number | undefined;
  /** False: the clock is not believed, so nothing is old. */
  believesAges: boolean;
  /** For all worktrees together; null: as much as they like. */
  budgetMb: number | null;
  /** What those take that are not among the candidates. */
  otherMb: number;
}

export interface SweepPlan {
  remove: GoingEntry[];
  keep: SweepEntry[];
  freeMb: number;
}

/** Which worktrees go and which stay, each with its reason. Nothing goes that anything stands in the way of. Pure. */
export function planSweep(candidates: readonly Candidate[], terms: Terms): SweepPlan {
  const verdicts = new Map(candidates.map((candidate) => [candidate, judge(candidate, terms)]));
  for (const candidate of overBudget(verdicts, terms)) {
    const detail = `worktrees take more than the ${terms.budgetMb ?? 0} MB of worktrees.disk_budget_mb`;
    verdicts.set(candidate, { goes: true, reason: 'over_budget', detail });
  }
  const remove: GoingEntry[] = [];
  const keep: SweepEntry[] = [];
  for (const [candidate, verdict] of verdicts) {
    const { reason, detail } = verdict;
    if (verdict.goes) remove.push({ ...describe(candidate), reason: verdict.reason, detail });
    else keep.push({ ...describe(candidate), reason, detail });
  }
  return { remove, keep, freeMb: round(sum(remove.map(({ diskMb }) => diskMb))) };
}

type Verdict =
  { goes: true; reason: GoReason; detail: string } | { goes: false; reason: string; detail: string; mayGo: boolean };

function judge(candidate: Candidate, terms: Terms): Verdict {
  const hindrances = findHindrances(candidate);
  const [first] = hindrances;
  if (first) {
    const detail = hindrances.map(({ message }) => message).join(', ');
    return { goes: false, reason: first.code, detail, mayGo: false };
  }
  const reason = findReason(candidate, terms);
  if (reason) return { goes: true, ...reason };
  const { row, policy } = candidate;
  if (row.state === 'failed' && policy.keepFailed) {
    return { goes: false, reason: 'failed', detail: 'it failed, and keep_failed is set', mayGo: false };
  }
  if (row.kind === 'adopted') {
    return {
      goes: false,
      reason: 'adopted',
      detail: 'an adopted one goes once it is merged or abandoned',
      mayGo: false,
    };
  }
  return {
    goes: false,
    reason: 'recent',
    detail: `last used ${formatDuration(unusedMs(candidate, terms))} ago`,
    mayGo: true,
  };
}

/** Everything that keeps a worktree from being removed, all at once; what could not be checked does too. Pure. */
export function findHindrances({ row, isBusy, leaseHolder, occupant, activeRun, seen }: Candidate): Blocker[] {
  const found: Blocker[] = [];
  const hinder = (code: string, message: string) => found.push({ code, message });
  if (isBusy || row.state === 'creating' || row.state === 'cleaning' || row.state === 'removed') {
    hinder('busy', 'it is being made or removed');
  }
  if (activeRun !== null) hinder('active_run', `run ${activeRun} is active in it`);
  if (leaseHolder !== null) hinder('leased', `${leaseHolder} holds it`);
  if (occupant !== null) hinder('in_use', `${occupant} works in it`);
  if (!seen) {
    if (found.length === 0) hinder('unverified', `the state of ${row.path} could not be checked`);
    return found;
  }
  if (seen.claim === undefined) hinder('unverified', `it could not be checked whose ${row.path} is`);
  else if (seen.claim !== null) found.push(seen.claim);
  found.push(...findBlockers({ ...seen.findings, activeRun: null }));
  if (seen.isUnmerged === undefined) hinder('unverified', 'it could not be checked whether its commits are merged');
  else if (seen.isUnmerged) hinder('unmerged', 'it has commits that are not merged');
  return found;
}

/** Why a worktree should go, if nothing hinders it; undefined: nothing speaks for it. Pure. */
export function findReason(candidate: Candidate, terms: Terms): { reason: GoReason; detail: string } | undefined {
  const { row, plan, seen, policy } = candidate;
  if (row.declared === 'abandoned') return { reason: 'abandoned', detail: 'it was declared abandoned' };
  if (row.state === 'failed' && policy.keepFailed) return undefined;
  if (row.declared === 'merged') return { reason: 'merged', detail: 'it was declared merged' };
  if (seen?.isMerged) return { reason: 'merged', detail: 'its base has all of its commits' };
  if (row.kind === 'adopted') return undefined;
  if (row.kind === 'plan' && !plan) return { reason: 'orphaned', detail: 'its plan is gone' };
  if (seen?.isMissing) return { reason: 'orphaned', detail: 'its directory is gone and nothing of it is left in git' };
  return terms.believesAges ? findAge(candidate, terms) : undefined;
}

function findAge(candidate: Candidate, terms: Terms): { reason: GoReason; detail: string } | undefined {
  const { row, policy } = candidate;
  const unused = unusedMs(candidate, terms);
  const detail = `not used for ${formatDuration(unused)}`;
  if (unused >= (terms.olderThanMs ?? policy.maxAgeMs)) return { reason: 'old', detail };
  // One that waits in the pool for its first holder is there to be idle.
  const isFresh = row.state === 'available' && row.useCount === 0;
  if (terms.olderThanMs !== undefined || isFresh || unused < policy.idleMs) return undefined;
  return { reason: 'idle', detail };
}

const lastUsedAt = ({ row }: Candidate): number => row.lastUsedAt ?? row.createdAt;
const unusedMs = (candidate: Candidate, { now }: Terms): number => now - lastUsedAt(candidate);

/** Those that go only for their size: the longest unused first, of the same time the largest. */
function overBudget(verdicts: ReadonlyMap<Candidate, Verdict>, { budgetMb, otherMb }: Terms): Candidate[] {
  if (budgetMb === null) return [];
  const staying = [...verdicts].filter(([, verdict]) => !verdict.goes);
  let totalMb = otherMb + sum(staying.map(([{ diskMb }]) => diskMb));
  const chosen: Candidate[] = [];
  const eligible = staying
    .filter(([{ diskMb }, verdict]) => !verdict.goes && verdict.mayGo && (diskMb ?? 0) > 0)
    .map(([candidate]) => candidate)
    .sort((a, b) => lastUsedAt(a) - lastUsedAt(b) || (b.diskMb ?? 0) - (a.diskMb ?? 0));
  for (const candidate of eligible) {
    if (totalMb <= budgetMb) break;
    chosen.push(candidate);
    totalMb -= candidate.diskMb ?? 0;
  }
  return chosen;
}

const describe = ({ row, repository, plan, diskMb }: Candidate): Omit<SweepEntry, 'reason' | 'detail'> => ({
  worktree: row.id,
  name: row.name,
  repository: repository.name,
  branch: row.branch,
  plan: plan?.name ?? null,
  path: row.path,
  diskMb,
});

const sum = (sizes: readonly (number | null)[]): number =>
  sizes.reduce<number>((total, size) => total + (size ?? 0), 0);
const round = (megabytes: number): number => Math.round(megabytes * 10) / 10;
