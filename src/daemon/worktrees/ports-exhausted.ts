import { formatDuration } from '../../base/duration.ts';
import { WtdError } from '../../contract/errors.ts';
import type { PortRange } from '../../contract/models.ts';
import type { Git } from '../git/git.ts';
import type { Registry } from '../registry/registry.ts';
import type { WorktreeRow } from '../registry/rows.ts';
import { isMissing } from './entry.ts';
import { findListeners } from './listeners.ts';
import { askMerging } from './merging.ts';
import { freeRanges, overlaps, portsOf, type PortSettings } from './ports.ts';

interface Parts {
  registry: Registry;
  git: Git;
  settings: PortSettings;
  /** Given out by other daemons. */
  claimed: readonly PortRange[];
  now: number;
}

/** Git is asked about the longest unused only. */
const mostAsked = 20;
const mostSuggested = 5;

/** Names the worktrees that could give their range back, and who listens in the ranges that nobody has. */
export async function portsExhausted(parts: Parts): Promise<WtdError> {
  const { range_size: size, last } = parts.settings;
  const suggestions = [...(await suggestWorktrees(parts)), ...(await suggestPrograms(parts))];
  return new WtdError('PORTS_EXHAUSTED', `no range of ${size} ports is free up to ${last}`, {
    hint: 'remove a plan with `wtd plan remove <plan>` (see `wtd ports`), or raise ports.last and run `wtd daemon reload`',
    suggestions: suggestions.length > 0 ? suggestions : ['stop a plan and remove it, or raise ports.last'],
  });
}

async function suggestWorktrees(parts: Parts): Promise<string[]> {
  const { registry } = parts;
  const active = registry.runs.active();
  const isFree = ({ id }: WorktreeRow) =>
    !registry.leases.ofWorktree(id) &&
    !active.some(({ worktreeId, planId }) => worktreeId === id || registry.plans.get(planId)?.worktreeId === id);
  const oldest = registry.worktrees
    .live()
    .filter((row) => (row.state === 'in_use' || row.state === 'available' || row.state === 'failed') && isFree(row))
    .sort((a, b) => (a.lastUsedAt ?? a.createdAt) - (b.lastUsedAt ?? b.createdAt))
    .slice(0, mostAsked);
  const told = await Promise.all(oldest.map((row) => tell(row, parts)));
  return told
    .flatMap((one) => one ?? [])
    .sort((a, b) => a.rank - b.rank)
    .slice(0, mostSuggested)
    .map(({ sentence }) => sentence);
}

async function tell(row: WorktreeRow, parts: Parts): Promise<{ rank: number; sentence: string } | undefined> {
  const { registry } = parts;
  const range = portsOf(row);
  const repository = registry.repositories.get(row.repositoryId);
  if (!range || !repository) return undefined;
  const plan = registry.plans.byWorktree(row.id);
  const [rank, why] = await rate(row, parts);
  const command = plan ? `wtd plan remove ${plan.name}` : `wtd worktree remove ${row.name}`;
  const sentence = `\`${command} --repo ${repository.name}\` gives ${range.start}-${range.end} back: ${why}`;
  return { rank, sentence };
}

async function rate(row: WorktreeRow, { registry, git, now }: Parts): Promise<[rank: number, why: string]> {
  const repository = registry.repositories.get(row.repositoryId);
  if (await isMissing(row.path)) return [0, 'its directory is gone'];
  if (row.declared === 'merged' || row.declared === 'abandoned') return [1, `it is ${row.declared}`];
  const plan = registry.plans.byWorktree(row.id);
  const merging =
    repository && (await askMerging(git, { repository, row, plan, head: undefined }).catch(() => undefined));
  if (merging?.isMerged) return [1, 'it is merged'];
  return [2, `last used ${formatDuration(Math.max(0, now - (row.lastUsedAt ?? row.createdAt)))} ago`];
}

async function suggestPrograms({ registry, settings, claimed }: Parts): Promise<string[]> {
  const leased = registry.worktrees.live().flatMap((row) => portsOf(row) ?? []);
  const passedOver = [...freeRanges(settings, leased)];
  const listeners = await findListeners(passedOver);
  const sentences = passedOver.flatMap(({ start, end }: PortRange) => {
    const first = listeners.find(({ port }) => port >= start && port <= end);
    const isClaimed = claimed.some((range) => overlaps(range, { start, end }));
    if (isClaimed) return [`${start}-${end} is passed over, because a daemon of another home has given it out`];
    if (!first) return [];
    const who = first.pid === null ? 'somebody' : `${first.command ?? 'a program'} (pid ${first.pid})`;
    return [`${start}-${end} is passed over, because ${who} listens on ${first.port}`];
  });
  const more = sentences.length - mostSuggested;
  return more > 0 ? [...sentences.slice(0, mostSuggested), `and ${more} more ranges like that`] : sentences;
}
