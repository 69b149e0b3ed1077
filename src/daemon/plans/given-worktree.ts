import { join } from 'node:path';
import type { UnderWay } from '../../base/under-way.ts';
import { WtdError } from '../../contract/errors.ts';
import type { Git } from '../git/git.ts';
import { listWorktrees } from '../git/questions.ts';
import type { Registry } from '../registry/registry.ts';
import type { PlanRow, RepositoryRow, WorktreeRow } from '../registry/rows.ts';
import { requireWorktree } from '../worktrees/address.ts';
import { isMissing } from '../worktrees/entry.ts';
import { inTransition, leased } from '../worktrees/refusals.ts';

interface Parts {
  registry: Registry;
  git: Git;
  underWay: UnderWay;
}

/** A worktree that is there already and that a plan asks for. */
export class GivenWorktrees {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Throws NOT_FOUND, also for that of another repository. */
  find(repository: RepositoryRow, text: string): WorktreeRow {
    const row = requireWorktree(this.#parts.registry, repository, text);
    if (row.repositoryId === repository.id && row.state !== 'removed') return row;
    throw new WtdError('NOT_FOUND', `there is no worktree ${text} in ${repository.name}`, {
      hint: `see \`wtd worktree list --repo ${repository.name}\``,
      kind: 'worktree',
      name: text,
    });
  }

  /** What the plan is with it: the branch that is checked out there is the plan's. Throws BUSY, INVALID_STATE. */
  async give(repository: RepositoryRow, row: WorktreeRow, plan: PlanRow): Promise<PlanRow> {
    this.requireFree(row.id, plan);
    const branch = await this.#branchIn(repository, row);
    const isKept = plan.branch === branch;
    if (!isKept && plan.baseCommit !== null) {
      throw refused(row, `plan ${plan.name} has its work on ${plan.branch}, and ${row.path} is on ${branch}`, {
        hint: 'start another plan in it',
        allowed: [`a worktree on ${plan.branch}`],
      });
    }
    const baseCommit = (isKept ? plan.baseCommit : null) ?? row.baseCommit;
    return { ...plan, worktreeId: row.id, branch, baseCommit };
  }

  /** Asked again in the very step that writes it down: another plan, or its removal, may have been first. */
  requireFree(id: string, plan: PlanRow): void {
    const { registry, underWay } = this.#parts;
    const row = registry.worktrees.get(id);
    if (!row) throw new Error(`worktree ${id} is not written down`);
    const owner = registry.plans.byWorktree(id);
    if (owner && owner.id !== plan.id) throw hasPlan(row, owner);
    const lease = registry.leases.ofWorktree(id);
    if (lease) throw leased(row, lease);
    if (underWay.has(id) || row.state === 'creating' || row.state === 'cleaning') throw inTransition(row);
    const own = registry.plans.get(plan.id)?.worktreeId ?? null;
    const held = own === null || own === id ? undefined : registry.worktrees.get(own);
    if (held && held.state !== 'removed') {
      throw refused(row, `plan ${plan.name} has its worktree already, ${held.path}`, {
        hint: 'leave --worktree out, or start another plan in it',
        allowed: ['a plan without a worktree'],
      });
    }
    if (owner || (row.state === 'in_use' && ['named', 'adopted'].includes(row.kind))) return;
    throw refused(row, `${row.path} is ${row.kind} and ${row.state}, which no plan can be given`, {
      hint: 'make one with `wtd worktree create <branch>`, or take one over with `wtd worktree adopt <path>`',
      allowed: ['named and in_use', 'adopted and in_use'],
    });
  }

  async #branchIn({ commonDir }: RepositoryRow, row: WorktreeRow): Promise<string> {
    const listed = (await listWorktrees(this.#parts.git, commonDir)).find(({ path }) => path === row.path);
    const isThere = listed !== undefined && !(await isMissing(join(row.path, '.git')));
    if (isThere && listed.branch !== null && listed.branch === row.branch) return listed.branch;
    const wanted = row.branch ?? 'a branch';
    const found = isThere ? `is on ${listed.branch ?? 'no branch'} instead of ${wanted}` : 'is missing';
    throw refused(row, `${row.path} ${found}`, {
      hint: `see what is wrong with \`wtd worktree health ${row.path}\`, mend it and try again`,
      allowed: [`on ${wanted}`],
    });
  }
}

const hasPlan = ({ path }: WorktreeRow, { name }: PlanRow): WtdError =>
  new WtdError('BUSY', `${path} is the worktree of plan ${name}`, {
    hint: `start that plan in it: \`wtd start ${name}\``,
    holder: `plan ${name}`,
  });

const refused = ({ state }: WorktreeRow, sentence: string, more: { hint: string; allowed: string[] }): WtdError =>
  new WtdError('INVALID_STATE', sentence, { ...more, state });
