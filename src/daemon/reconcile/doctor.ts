import { setTimeout as sleep } from 'node:timers/promises';
import { KeyedMutex } from '../../base/mutex.ts';
import type { Result } from '../../contract/index.ts';
import type { Finding } from '../../contract/models.ts';
import type { Logger } from '../log.ts';
import type { InterruptedCompletions, Interruption } from '../plans/homecoming/interrupted-completions.ts';
import { compare, type Difference, type World } from './compare.ts';
import { describeInterruption, detailOf, keyOf, repositoryOf, subjectOf } from './describe.ts';
import { gather, type GatherParts } from './gather.ts';
import { Repairs, type RepairParts } from './repair.ts';

type Facts = Result<'daemon.doctor'>['facts'];

interface Parts extends GatherParts, RepairParts {
  log: Logger;
  facts: () => Promise<Facts>;
  interrupted: Pick<InterruptedCompletions, 'take'>;
}

interface Look {
  differences: Difference[];
  /** What could not be asked, a sentence each. */
  unchecked: string[];
}

/** What was just begun or ended when it was first seen has been written down by then. */
const secondLookMs = 250;
const checkPatienceMs = 30_000;
/** What is mended may let something else be seen, a branch after its worktree, and that again. */
const mostPasses = 4;
const mostFindings = 1000;

/** Compares git, the database, the disk and the process table, and mends what is safe to mend. */
export class Doctor {
  readonly #parts: Parts;
  readonly #repairs: Repairs;
  /** One at a time: two who mend the same would meet halfway. */
  readonly #turns = new KeyedMutex();
  #count = 0;
  #isChecking = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#repairs = new Repairs(parts);
  }

  /** Warnings for people about what was last seen. */
  warnings(): string[] {
    if (this.#count === 0) return [];
    const noun = this.#count === 1 ? 'difference' : 'differences';
    return [`${this.#count} ${noun} between git, database and processes; see \`wtd doctor\``];
  }

  /**
   * Compares, and keeps how many differences there are; mends nothing. A disk or a process that does not answer keeps
   * the caller no longer than a while.
   */
  async check(): Promise<void> {
    if (this.#isChecking) return;
    this.#isChecking = true;
    const look = this.#turns
      .run('doctor', () => this.#look())
      .finally(() => {
        this.#isChecking = false;
      });
    await Promise.race([look, sleep(checkPatienceMs, undefined, { ref: false })]);
  }

  async examine({ repair = false }: { repair?: boolean | undefined }): Promise<Result<'daemon.doctor'>> {
    return this.#turns.run('doctor', async () => {
      const facts = await this.#parts.facts();
      const told = this.#parts.interrupted.take().map(toTold);
      const found = repair ? await this.#mendAll() : await this.#adviseAll();
      const { unchecked } = found;
      const findings = [...told, ...found.findings];
      const warnings = [...facts.warnings, ...unchecked];
      if (findings.length > mostFindings)
        warnings.push(`${findings.length - mostFindings} more findings are not shown`);
      return { findings: findings.slice(0, mostFindings), facts: { ...facts, warnings } };
    });
  }

  async #adviseAll(): Promise<{ findings: Finding[]; unchecked: string[] }> {
    const { differences, unchecked } = await this.#look();
    const findings: Finding[] = [];
    for (const difference of differences.slice(0, mostFindings)) {
      findings.push(toFinding(difference, await this.#adviceFor(difference)));
    }
    return { findings, unchecked };
  }

  async #adviceFor(difference: Difference): Promise<string> {
    try {
      return (await this.#repairs.remedyOf(difference)).advice;
    } catch (error) {
      return failed(error);
    }
  }

  /** Mends pass by pass, until nothing new is seen that was not tried. */
  async #mendAll(): Promise<{ findings: Finding[]; unchecked: string[] }> {
    const mended = new Map<string, Difference>();
    const left = new Map<string, string>();
    let look = await this.#look();
    for (let pass = 0; pass < mostPasses; pass += 1) {
      const fresh = look.differences.filter((difference) => !left.has(keyOf(difference))).slice(0, mostFindings);
      let didMend = false;
      for (const difference of fresh) {
        const advice = await this.#mend(difference);
        left.set(keyOf(difference), advice ?? 'it came back after it was mended; run `wtd doctor` once more');
        if (advice !== null) continue;
        didMend = true;
        mended.set(keyOf(difference), difference);
      }
      if (!didMend) break;
      look = await this.#look();
    }
    for (const difference of look.differences) mended.delete(keyOf(difference));
    const remaining = look.differences.map((difference) =>
      toFinding(difference, left.get(keyOf(difference)) ?? 'run `wtd doctor --repair` once more'),
    );
    return {
      findings: [...[...mended.values()].map((difference) => toFinding(difference, null)), ...remaining],
      unchecked: look.unchecked,
    };
  }

  /** Answers null when it is mended, else what people shall do. */
  async #mend(difference: Difference): Promise<string | null> {
    const { registry, log } = this.#parts;
    const about = { kind: difference.kind, subject: subjectOf(difference) };
    try {
      const { advice, mend } = await this.#repairs.remedyOf(difference);
      if (!mend) return advice;
      const left = await mend();
      if (left !== null) return left;
    } catch (error) {
      log.error({ ...about, err: error }, 'a difference could not be mended');
      return failed(error);
    }
    log.info(about, 'a difference was mended');
    registry.change((tell) => {
      tell({ type: 'doctor.repaired', repository: repositoryOf(difference), data: about });
    });
    return null;
  }

  /** What is still there at a second look; what happens all the time is gone by then. */
  async #look(): Promise<Look> {
    const first = await gather(this.#parts);
    const seen = new Set(compare(first).map(keyOf));
    if (seen.size === 0) return this.#keep({ differences: [], unchecked: uncheckedIn(first) });
    await sleep(secondLookMs);
    const second = await gather(this.#parts);
    const differences = compare(second).filter((difference) => seen.has(keyOf(difference)));
    return this.#keep({ differences, unchecked: uncheckedIn(second) });
  }

  #keep(look: Look): Look {
    const count = look.differences.length;
    if (count !== this.#count) {
      const kinds = [...new Set(look.differences.map(({ kind }) => kind))];
      this.#parts.log.warn({ differences: count, kinds }, 'differences between git, database and processes');
    }
    this.#count = count;
    return look;
  }
}

const toFinding = (difference: Difference, advice: string | null): Finding => ({
  kind: difference.kind,
  subject: subjectOf(difference),
  repository: repositoryOf(difference),
  detail: detailOf(difference),
  repaired: advice === null,
  advice,
});

/** What is over needs nothing, but whoever asked for it was never answered. */
const toTold = (interruption: Interruption): Finding => ({
  kind: 'interrupted_completion',
  subject: interruption.plan,
  repository: interruption.repository,
  detail: describeInterruption(interruption),
  repaired: true,
  advice: null,
});

const failed = (error: unknown): string =>
  `it could not be looked after: ${error instanceof Error ? error.message : String(error)}`;

const uncheckedIn = ({ repositories }: World): string[] =>
  repositories.flatMap(({ row, git }) =>
    git.kind === 'unknown' ? [`the repository ${row.path} could not be checked: ${git.cause}`] : [],
  );
