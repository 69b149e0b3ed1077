import { unreachable } from '../../base/unreachable.ts';
import { WtdError } from '../../contract/errors.ts';
import type { Clock } from '../../base/clock.ts';
import type { Git } from '../git/git.ts';
import { branchTips, listWorktrees, withoutOwnCommits } from '../git/questions.ts';
import type { Completion } from '../plans/homecoming/completion.ts';
import type { Launcher } from '../plans/launcher.ts';
import type { Registry } from '../registry/registry.ts';
import type { RunRow } from '../registry/rows.ts';
import type { RunDirectories } from '../runs/run-directory.ts';
import { deleteBranchAt } from '../worktrees/empty-branch.ts';
import { isMissing } from '../worktrees/entry.ts';
import { examine } from '../worktrees/examine.ts';
import { findBlockers } from '../worktrees/safety.ts';
import { activeRunIn } from '../worktrees/users.ts';
import type { Removal } from '../worktrees/removal.ts';
import { isOwn, unclaimedBranches, type Difference } from './compare.ts';
import { typed, typedGit } from './describe.ts';
import type { Restorer } from './restorer.ts';
import { forgetEntry, whyKept } from './stale-entry.ts';

export interface RepairParts {
  registry: Registry;
  git: Git;
  clock: Clock;
  removal: Removal;
  launcher: Launcher;
  directories: RunDirectories;
  restorer: Restorer;
  completion: Pick<Completion, 'isUnderWay' | 'settle'>;
  home: string;
}

type Of<K extends Difference['kind']> = Extract<Difference, { kind: K }>;

/** What is to be done about a difference: by people alone, or by `mend`, of which `advice` says what it does. */
export interface Remedy {
  advice: string;
  /** Asks everything again right before it changes anything. Answers null when it is mended, else what people shall do. */
  mend?: () => Promise<string | null>;
}

const askAgain = 'it changed meanwhile; run `wtd doctor` once more';
const mending = (what: string): string => `mend it with \`wtd doctor --repair\`: ${what}`;

/** Decides what is safe to mend, and mends it. Nothing that could be work is ever removed. */
export class Repairs {
  readonly #parts: RepairParts;

  constructor(parts: RepairParts) {
    this.#parts = parts;
  }

  async remedyOf(difference: Difference): Promise<Remedy> {
    switch (difference.kind) {
      case 'run_directory_without_row':
        return this.#runDirectory(difference);
      case 'worktree_without_row':
        return this.#unknownWorktree(difference);
      case 'port_without_owner':
        return this.#ownerlessWorktree(difference);
      case 'row_without_worktree':
        return this.#lostWorktree(difference);
      case 'prunable_entry':
        return this.#prunableEntry(difference);
      case 'orphan_branch':
        return this.#orphanBranch(difference);
      case 'interrupted_completion':
        return this.#interrupted(difference);
      case 'row_without_repository':
        return lostRepository(difference);
      case 'process_without_run':
        return strayProcess(difference);
      default:
        return unreachable(difference);
    }
  }

  #runDirectory({ run }: Of<'run_directory_without_row'>): Remedy {
    const { registry, launcher, directories, restorer } = this.#parts;
    const path = directories.of(run);
    return {
      advice: mending('the run is written down again as far as its directory tells, or removed if nothing ever ran'),
      mend: async () => {
        if (registry.runs.get(run) || launcher.isUnderWay(run)) return askAgain;
        if ((await restorer.restoreRun(run)) !== 'unreadable') return null;
        return `it does not tell enough to write the run down again; look into ${path}, and remove it with ${typed('rm', '-r', '--', path)} when nobody needs it`;
      },
    };
  }

  #unknownWorktree({ repository, listed }: Of<'worktree_without_row'>): Remedy {
    const { registry, restorer } = this.#parts;
    const say = (...words: string[]) => typedGit(repository, 'worktree', ...words, listed.path);
    const unlock = listed.locked ? `unlock it with ${say('unlock')}, then ` : '';
    const away = `${unlock}move it away with ${typedGit(repository, 'worktree', 'move', listed.path, '<elsewhere>')}, or remove it with ${say('remove')}`;
    return {
      advice: mending('it is taken over if wtd made it; else it is left as it is'),
      mend: async () => {
        if (registry.worktrees.byPath(listed.path)) return askAgain;
        return (await restorer.restoreWorktree(repository, listed))
          ? null
          : `it stays, because work may be in it; ${away}`;
      },
    };
  }

  #interrupted({ repository, plan }: Of<'interrupted_completion'>): Remedy {
    return {
      advice: mending('it is brought to its end if the target has it, else taken back; it is also tried each minute'),
      mend: async () => {
        const settled = await this.#parts.completion.settle(repository, plan.id);
        if (settled?.state !== 'unknown') return null;
        const { hindrance } = settled;
        return hindrance.kind === 'busy'
          ? 'git is still at work on it; run `wtd doctor` again in a moment'
          : `${hindrance.path} is still there; once no git is at work there, remove it, then run \`wtd doctor --repair\``;
      },
    };
  }

  async #ownerlessWorktree({ repository, row }: Of<'port_without_owner'>): Promise<Remedy> {
    const { registry, git, removal } = this.#parts;
    const left = (what: string) =>
      `it stays, because it would lose ${what}; commit or move that, or end the run, then run \`wtd doctor --repair\``;
    const activeRun = activeRunIn(registry, row)?.id ?? null;
    const blockers = findBlockers({ ...(await examine(git, repository, row.path)), activeRun });
    if (blockers.length > 0) return { advice: left(blockers.map(({ message }) => message).join(', ')) };
    return {
      advice: mending('the worktree has no work in it and is removed, its ports are free again'),
      mend: async () => {
        const now = registry.worktrees.get(row.id);
        if (now?.state !== row.state || registry.plans.byWorktree(row.id)) return askAgain;
        try {
          await removal.remove(repository, now, {
            activeRun: activeRunIn(registry, now)?.id ?? null,
            reason: 'doctor',
          });
          return null;
        } catch (error) {
          if (error instanceof WtdError && error.data.code === 'UNSAFE') return left(error.message);
          throw error;
        }
      },
    };
  }

  async #lostWorktree({ repository, row }: Of<'row_without_worktree'>): Promise<Remedy> {
    const { git, registry } = this.#parts;
    const active = activeRunIn(registry, row);
    if (active) return { advice: this.#endFirst(active, repository.name) };
    const listed = (await listWorktrees(git, repository.commonDir)).find(({ path }) => path === row.path);
    const kept = listed && (await isMissing(row.path)) ? await whyKept(git, repository, listed) : null;
    if (kept !== null) return { advice: kept };
    const files = (await isMissing(row.path)) ? '' : `; the files in ${row.path} stay, move them away if you need them`;
    return {
      advice: mending(`wtd forgets the worktree, its ports are free again, plan and branch stay${files}`),
      mend: () => git.locked(repository.commonDir, () => this.#forgetLost({ repository, row })),
    };
  }

  async #forgetLost({ repository, row }: Pick<Of<'row_without_worktree'>, 'repository' | 'row'>) {
    const { registry, git, clock } = this.#parts;
    const isListed = (await listWorktrees(git, repository.commonDir)).some(({ path }) => path === row.path);
    const kept = isListed ? await forgetEntry(git, repository, row.path) : null;
    if (kept !== null) return kept;
    // From here to the change nothing else happens, so nobody can have begun anything in it.
    if (registry.worktrees.get(row.id)?.state !== row.state) return askAgain;
    const active = activeRunIn(registry, row);
    if (active) return this.#endFirst(active, repository.name);
    const plan = registry.plans.byWorktree(row.id);
    registry.change((tell) => {
      registry.worktrees.update(row.id, { state: 'removed', removedAt: clock.now() });
      if (plan) registry.plans.update(plan.id, { worktreeId: null });
      const data = { path: row.path, branch: row.branch, branchDeleted: false };
      tell({ type: 'worktree.removed', repository: repository.name, worktree: row.id, data });
    });
    return null;
  }

  async #prunableEntry({ repository, listed }: Of<'prunable_entry'>): Promise<Remedy> {
    const { git, registry } = this.#parts;
    const kept = await whyKept(git, repository, listed);
    if (kept !== null) return { advice: kept };
    if (!isOwn(listed, this.#parts.home) && !registry.worktrees.everHad(listed.path)) {
      const prune = typedGit(repository, 'worktree', 'prune');
      return { advice: `wtd did not make it: bring the directory back, or let git forget it with ${prune}` };
    }
    return {
      advice: mending('git forgets it, its branch stays'),
      mend: () =>
        git.locked(repository.commonDir, async () =>
          registry.worktrees.byPath(listed.path) ? askAgain : forgetEntry(git, repository, listed.path),
        ),
    };
  }

  #orphanBranch({ repository, branch, tip }: Of<'orphan_branch'>): Remedy {
    const { registry, git } = this.#parts;
    if (!registry.worktrees.didMake(repository.id, { branch, commit: tip })) {
      const remove = typedGit(repository, 'branch', '-d', branch);
      return { advice: `nothing proves that wtd made it; delete it with ${remove} when nobody needs it` };
    }
    return {
      advice: mending('wtd made the branch, nothing is on it, and it is deleted'),
      mend: () =>
        git.locked(repository.commonDir, async () => {
          if (!(await this.#isStillOrphan({ repository, branch, tip }))) return askAgain;
          return (await deleteBranchAt(git, repository.commonDir, { branch, commit: tip })) ? null : askAgain;
        }),
    };
  }

  async #isStillOrphan({ repository, branch, tip }: Omit<Of<'orphan_branch'>, 'kind'>): Promise<boolean> {
    const { registry, git } = this.#parts;
    const { commonDir } = repository;
    const [listed, tips] = await Promise.all([listWorktrees(git, commonDir), branchTips(git, commonDir)]);
    const empty = await withoutOwnCommits(git, commonDir, new Map([[branch, tip]]));
    const claims = { plans: registry.plans.of(repository.id), rows: registry.worktrees.liveOf(repository.id), listed };
    return tips.get(branch) === tip && unclaimedBranches(empty, { prefix: '', ...claims }).has(branch);
  }

  #endFirst(run: RunRow, repository: string): string {
    const plan = this.#parts.registry.plans.get(run.planId)?.name ?? '<plan>';
    const stop = typed('wtd', 'stop', plan, '--repo', repository);
    return run.state === 'queued'
      ? `plan ${plan} is queued; the worktree is made again when it starts`
      : `plan ${plan} is ${run.state} in it; end it with ${stop}, then run \`wtd doctor --repair\``;
  }
}

function lostRepository({ repository, plans, worktrees }: Of<'row_without_repository'>): Remedy {
  const forget = typed('wtd', 'repo', 'remove', repository.name);
  const first = `forget its plans with ${typed('wtd', 'plan', 'remove', '<plan>', '--repo', repository.name)} and then the repository with ${forget}`;
  const how = plans + worktrees > 0 ? first : `forget it with ${forget}`;
  return { advice: `bring ${repository.path} back (is its disk mounted?), or ${how}` };
}

/** Never signalled from here: nobody knows whether somebody needs it. */
const strayProcess = ({ process: { pid } }: Of<'process_without_run'>): Remedy => ({
  advice: `look at it with ${typed('ps', '-fp', String(pid))}, and end it with ${typed('kill', String(pid))} when nobody needs it`,
});
