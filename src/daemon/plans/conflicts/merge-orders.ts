import type { MergeStep, Unmergeable } from '../../../contract/conflict.ts';
import type { Result } from '../../../contract/index.ts';
import type { Git } from '../../git/git.ts';
import { TrialObjects } from '../../git/trial-merges.ts';
import type { Registry } from '../../registry/registry.ts';
import type { RepositoryRow } from '../../registry/rows.ts';
import type { Address, Repositories } from '../../repositories/repositories.ts';
import type { WorktreeFacts } from '../../worktrees/facts.ts';
import { Clashes } from './clashes.ts';
import { findContenders, type Contender } from './contenders.ts';
import { findCulprits, type Chain, type Entrant, type Puzzle } from './merge-chain.ts';
import { describeWaiting, sortByNeeds, type Elsewhere } from './merge-needs.ts';
import { findOrder } from './merge-order.ts';
import { describeConflict, describeStep } from './merge-reasons.ts';
import type { PlanFactsReader } from '../plan-facts.ts';
import { TrialChains, type Branches } from './trial-chains.ts';

interface Parts {
  registry: Registry;
  repositories: Repositories;
  worktreeFacts: WorktreeFacts;
  facts: PlanFactsReader;
  git: Git;
  /** Where the objects of merges lie that are only tried. */
  trials: string;
}

/** A contender with the branch that it comes home to in the end. */
interface Traveller {
  name: string;
  branch: string;
  tip: string;
  into: string;
  intoTip: string;
  dependsOn: readonly string[];
  /** The contender whose branch is its base. */
  standsOn: string | undefined;
}

/** More are not looked at in one go. */
const mostPlans = 200;
const tooMany = `is not among the first ${mostPlans} plans; ask again once some of them are home`;
const factsMaxAgeMs = 500;
/** After this long no other order is tried. */
const searchMs = 20_000;

/** In which order plans come home, found by merging them in memory. */
export class MergeOrders {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async of(address: Address): Promise<Result<'conflict.order'>> {
    const { git, trials, repositories } = this.#parts;
    const repository = await repositories.require(address);
    const { commonDir } = repository;
    const contenders = await findContenders(this.#parts, repository);
    const travellers = contenders.map((contender) => toTraveller(contender, contenders));
    const { needs, obstacles } = sortByNeeds(travellers, await this.#elsewhere(repository, travellers));
    const able = travellers.filter(({ name }) => needs.has(name));
    for (const { name } of able.slice(mostPlans)) obstacles.set(name, tooMany);
    const tried = able.slice(0, mostPlans);
    await using objects = await TrialObjects.open(trials, commonDir);
    const clashes = await Clashes.find({ git, commonDir, objects }, tried);
    const chains = new TrialChains({ git, commonDir, objects, travellers: tried });
    const start = TrialChains.start(new Map(tried.map(({ into, intoTip }) => [into, intoTip])));
    const puzzle = {
      start,
      entrants: toEntrants(tried, { needs, clashes }),
      merge: chains.merge.bind(chains),
      isOver: isOverAfter(searchMs),
    };
    const found = await findOrder(puzzle);
    const anew = new TrialChains({ git, commonDir, objects, travellers: tried });
    const order: Order = { chain: found, travellers: tried, clashes, chains, puzzle };
    const staying = travellers.filter(({ name }) => obstacles.has(name));
    return {
      steps: describeSteps(order),
      unmergeable: [
        ...(await describeRest(order)),
        ...staying.map((traveller) => toUnmergeable(traveller, obstacles.get(traveller.name) ?? '')),
      ],
      verified: await isVerified(anew, start, found.home),
      exact: found.isExact,
    };
  }

  /** What became of plans that others depend on and that have nothing to bring home. */
  async #elsewhere(repository: RepositoryRow, travellers: readonly Traveller[]): Promise<(plan: string) => Elsewhere> {
    const { registry, facts } = this.#parts;
    const names = new Set(travellers.flatMap(({ dependsOn }) => dependsOn));
    const plans = [...names].flatMap((name) => registry.plans.byName(repository.id, name) ?? []);
    await facts.refresh(plans, factsMaxAgeMs);
    const states = new Map<string, Elsewhere>();
    for (const { id, name, outcome } of plans) {
      const state = facts.of(id).merged === true ? 'merged' : outcome?.kind === 'abandoned' ? 'abandoned' : 'idle';
      states.set(name, state);
    }
    return (plan) => states.get(plan) ?? 'unknown';
  }
}

/** One that stands on another's branch comes home to where that one does. */
function toTraveller(contender: Contender, contenders: readonly Contender[]): Traveller {
  const { plan, tip } = contender;
  const below = ({ base }: Contender, seen: readonly Contender[]) =>
    contenders.find((other) => other.plan.branch === base && !seen.includes(other));
  const standsOn = below(contender, []);
  const way = [contender];
  for (let next = standsOn; next; next = below(next, way)) way.push(next);
  const { base: into, baseTip: intoTip } = way.at(-1) ?? contender;
  const { name, branch, dependsOn } = plan;
  return { name, branch, tip, into, intoTip, dependsOn, standsOn: standsOn?.plan.name };
}

function toEntrants(
  travellers: readonly Traveller[],
  { needs, clashes }: { needs: ReadonlyMap<string, string[]>; clashes: Clashes },
): Entrant[] {
  const entrants = travellers.map(({ name }) => ({
    name,
    needs: needs.get(name) ?? [],
    conflictsWith: new Set(clashes.of(name).keys()),
    conflictsWithBase: clashes.isWithBase(name),
  }));
  const count = ({ conflictsWith, conflictsWithBase }: Entrant) => conflictsWith.size + Number(conflictsWithBase);
  // They come as they were made, and a sort leaves those that are alike as they are.
  return entrants.sort((one, other) => count(one) - count(other));
}

function isOverAfter(limitMs: number): () => boolean {
  const end = performance.now() + limitMs;
  return () => performance.now() > end;
}

/** Everything once more, with nothing that is known from other orders. */
async function isVerified(chains: TrialChains, start: Branches, home: readonly string[]): Promise<boolean> {
  let stand = start;
  for (const plan of home) {
    const [next] = await chains.merge([{ onto: stand, plan }]);
    if (!next) return false;
    stand = next;
  }
  return true;
}

interface Order {
  chain: Chain<Branches>;
  travellers: readonly Traveller[];
  clashes: Clashes;
  chains: TrialChains;
  puzzle: Puzzle<Branches>;
}

function describeSteps({ chain: { home }, travellers, clashes }: Order): MergeStep[] {
  const byName = new Map(travellers.map((traveller) => [traveller.name, traveller]));
  const isHome = (plan: string) => home.includes(plan);
  const steps = home.flatMap((name) => byName.get(name) ?? []);
  return steps.map(({ name, branch, into, dependsOn, standsOn }, index) => {
    const others = [...clashes.of(name).keys()];
    const rivals = others.filter((other) => !isHome(other));
    const waiting = steps.filter((other) => other.dependsOn.includes(name) || other.standsOn === name);
    const reason = describeStep({
      rivals,
      files: rivals.flatMap((rival) => clashes.of(name).get(rival) ?? []),
      reconciled: others.filter(isHome),
      dependsOn: dependsOn.filter((other) => isHome(other) && other !== standsOn),
      standsOn,
      waiting: waiting.map((other) => other.name),
    });
    return { plan: name, branch, into, position: index + 1, reason, conflictsWith: others };
  });
}

/** Those that were tried and did not come home. */
async function describeRest({ chain, travellers, clashes, chains, puzzle }: Order): Promise<Unmergeable[]> {
  const rest = travellers.filter(({ name }) => !chain.home.includes(name));
  const needed = new Map(puzzle.entrants.map(({ name, needs }) => [name, needs]));
  const answers: Unmergeable[] = [];
  for (const traveller of rest) {
    const { name, into } = traveller;
    const missing = needed.get(name)?.find((other) => !chain.home.includes(other));
    if (missing !== undefined) {
      answers.push(toUnmergeable(traveller, describeWaiting(missing)));
      continue;
    }
    const files = [...chains.conflictsOf({ onto: chain.stand, plan: name })];
    const base = clashes.isWithBase(name) ? into : undefined;
    const rivals = [...clashes.of(name).keys()].filter((other) => chain.home.includes(other));
    const isAlone = rivals.length === 0 && base === undefined;
    const others = isAlone ? await findCulprits(puzzle, { plan: name, home: chain.home }) : rivals;
    const reason = describeConflict(name, { others, base, files });
    answers.push({
      ...toUnmergeable(traveller, reason),
      files,
      with: [...(base === undefined ? [] : [base]), ...others],
    });
  }
  return answers;
}

const toUnmergeable = ({ name: plan, branch, into }: Traveller, reason: string): Unmergeable => ({
  plan,
  branch,
  into,
  reason,
  files: [],
  with: [],
});
