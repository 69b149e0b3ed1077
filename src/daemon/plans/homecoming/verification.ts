import { join } from 'node:path';
import { readdir, rm } from 'node:fs/promises';
import { WtdError } from '../../../contract/errors.ts';
import type { Registry } from '../../registry/registry.ts';
import type { PlanRow, RepositoryRow } from '../../registry/rows.ts';
import type { CommandFailure } from '../../worktrees/command-failure.ts';
import type { Creation } from '../../worktrees/creation.ts';
import type { Setup, Work } from '../../worktrees/setup.ts';

interface Parts {
  registry: Registry;
  creation: Creation;
  setup: Setup;
  verifyLogs: string;
}

interface Wanted {
  plan: PlanRow;
  into: string;
  commit: string;
  commands: string[][];
  /** A duration, of each command. */
  timeout: string;
  env: Readonly<Record<string, string>> | undefined;
}

/** Runs what a repository asks for on a merge, in a worktree of that commit that is there only for this. */
export class Verification {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Throws INVALID_STATE, or SPAWN_FAILED for what cannot be started, naming the command and its output. */
  async verify(repository: RepositoryRow, wanted: Wanted): Promise<void> {
    const { creation, setup } = this.#parts;
    const { plan, into, commit, commands, timeout, env: environment } = wanted;
    const logPath = this.#logOf(plan.id);
    const fresh = await setup.plan(repository, environment);
    const works: Work[] = [...(fresh ? [fresh] : []), { files: [], commands, timeout, environment }];
    const place = { name: `verify-${plan.name}`, branch: null, base: into, baseCommit: commit, hasNoPorts: true };
    const failure = await creation.borrow(repository, { ...place, kind: 'pool' }, (row) =>
      setup.rehearse(repository, row, { works, logPath }),
    );
    if (failure !== undefined) throw refused(wanted, failure, logPath);
  }

  /** What was printed for plans that nobody knows any more. */
  async removeRests(): Promise<void> {
    const { registry, verifyLogs } = this.#parts;
    const names = await readdir(verifyLogs).catch((): string[] => []);
    const unknown = registry.plans.unknownAmong(names.map((name) => name.replace(/\.log$/, '')));
    for (const plan of unknown) await rm(this.#logOf(plan), { force: true });
  }

  #logOf(plan: string): string {
    return join(this.#parts.verifyLogs, `${plan}.log`);
  }
}

function refused({ plan, into }: Wanted, failure: CommandFailure | string, logPath: string): WtdError {
  const { message, ...command } =
    typeof failure === 'string' ? { message: failure, words: [], exitCode: null, isUnstartable: false } : failure;
  const sentence = `plan ${plan.name} was not merged, because it did not stand the test: ${message}`;
  return new WtdError(command.isUnstartable ? 'SPAWN_FAILED' : 'INVALID_STATE', sentence, {
    hint: `see what was printed in ${logPath}; \`--no-verify\` merges without the test`,
    command: command.words,
    exitCode: command.exitCode,
    logPath,
    cause: message,
    state: 'unverified',
    allowed: [`${into} with the plan in it stands completion.verify`],
  });
}
