import { WtdError } from '../../../contract/errors.ts';
import type { Result } from '../../../contract/index.ts';
import type { Address } from '../../repositories/repositories.ts';
import { neitherPlanNorAll, oneAtATime } from './completion-refusals.ts';
import type { Completion, CompletionWish } from './completion.ts';
import { Foreseen } from './foreseen.ts';

type Answer = Result<'plan.complete'>;

/** In which order the plans of a repository are to be merged, and which cannot be. */
export interface Orders {
  of(address: Address): Promise<{
    steps: readonly { plan: string }[];
    unmergeable: readonly { plan: string; reason: string }[];
  }>;
}

interface Parts {
  completion: Pick<Completion, 'complete'>;
  orders: Orders;
}

/** Merges one plan, or all that can be merged in the recommended order. */
export class Completions {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Throws INVALID_PARAMS unless it is told which. */
  async complete(
    { plan, all, ...address }: Address & { plan?: string | undefined; all?: boolean | undefined },
    wish: CompletionWish,
  ): Promise<Answer> {
    if ((plan === undefined) === (all !== true)) throw neitherPlanNorAll();
    if (all === true && wish.pr === true) throw oneAtATime();
    return plan === undefined ? this.#all(address, wish) : this.#parts.completion.complete({ ...address, plan }, wish);
  }

  /** One after the other up to the first that fails; each is merged whole or not at all. */
  async #all(address: Address, wish: CompletionWish): Promise<Answer> {
    const { completion, orders } = this.#parts;
    const { steps, unmergeable } = await orders.of(address);
    const answer = nothingYet(unmergeable);
    await using foreseen = new Foreseen();
    for (const { plan } of steps) {
      if (answer.plans.some(({ state }) => state === 'failed')) {
        answer.plans.push({ ...none, plan, state: 'untried' });
        continue;
      }
      try {
        add(
          answer,
          await completion.complete({ ...address, plan }, { ...wish, ...(wish.dryRun === true && { foreseen }) }),
        );
      } catch (error) {
        if (!(error instanceof WtdError)) throw error;
        const { code, message, data } = error;
        // Another one brought the same, or somebody else was faster.
        if (data['state'] === 'nothing_to_merge') {
          answer.warnings.push(message);
          continue;
        }
        answer.plans.push({ ...none, plan, state: 'failed', error: { code, message, hint: data.hint } });
      }
    }
    return { ...answer, merged: answer.plans.length > 0 && answer.plans.every(({ state }) => state === 'merged') };
  }
}

const none = { into: null, commit: null, archive: null, error: null };

const nothingYet = (unmergeable: readonly { plan: string; reason: string }[]): Answer => ({
  merged: true,
  into: null,
  commit: null,
  strategy: null,
  steps: [],
  dependants: [],
  archive: null,
  plans: [],
  pr: null,
  warnings: unmergeable.map(({ plan, reason }) => `${plan} cannot be merged as it is: ${reason}`),
});

/** Of several the last one is told on top. */
function add(answer: Answer, one: Answer): void {
  const { into, commit, strategy, archive } = one;
  Object.assign(answer, { into, commit: commit ?? answer.commit, strategy, archive });
  answer.steps.push(...one.steps);
  answer.plans.push(...one.plans);
  answer.warnings.push(...one.warnings);
  const isLeft = ({ plan }: { plan: string }) => !answer.plans.some((done) => done.plan === plan);
  answer.dependants = [...answer.dependants, ...one.dependants].filter(
    (each, at, every) => isLeft(each) && every.findLastIndex(({ plan }) => plan === each.plan) === at,
  );
}
