import { isAbsolute } from 'node:path';
import * as z from 'zod';
import { forGit } from '../../../base/environment.ts';
import { WtdError } from '../../../contract/errors.ts';
import { runCommand } from '../../commands/commands.ts';
import type { Git } from '../../git/git.ts';
import { aheadBehind, findCommit } from '../../git/questions.ts';
import { callersEnvironment } from '../../git/rebase.ts';
import { findRemoteBranch, pushBranch, type RemoteBranch } from '../../git/remotes.ts';
import type { Registry } from '../../registry/registry.ts';
import type { PlanRow, RepositoryRow, WorktreeRow } from '../../registry/rows.ts';
import { findProgram } from '../../runs/program.ts';
import { isMissing } from '../../worktrees/entry.ts';
import { findBase } from '../../worktrees/merging.ts';
import { noBranch } from './rebase-refusals.ts';

interface Parts {
  registry: Registry;
  git: Git;
  environment: Readonly<Record<string, string>>;
}

interface Wish {
  /** The caller's, which has the keys and gh. */
  env?: Record<string, string> | undefined;
  /** Only tells the steps. */
  dryRun?: boolean | undefined;
}

/** A plan, and the branch that it is to be merged into. */
interface About {
  repository: RepositoryRow;
  plan: PlanRow;
  into: string;
}

interface PullRequest {
  number: number;
  url: string;
}

export interface Opened {
  /** What is done, or would be, in order. */
  steps: string[];
  /** Null of a dry run. */
  pr: PullRequest | null;
}

/** All that gh is to be told. */
interface Draft {
  gh: string;
  env: Record<string, string>;
  cwd: string;
  branch: string;
  base: string;
  title: string;
  body: string;
}

const ghTimeoutMs = 60_000;
const mostSubjects = 50;
const longestTitle = 200;

const listed = z.array(z.object({ number: z.int(), url: z.string(), isCrossRepository: z.boolean() }));

/** Opens pull requests for the branches of plans through `gh`, and records them. */
export class PullRequests {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Pushes the branch and opens a pull request, unless an open one is there; the caller has the plan's turn. Throws
   * INVALID_STATE, SPAWN_FAILED without gh or when that fails, GIT_FAILED when the push is refused.
   */
  async open(about: About, { env, dryRun = false }: Wish): Promise<Opened> {
    const { git } = this.#parts;
    const { repository, plan, into } = about;
    const { remote, subjects } = await this.#look(about);
    const callers = env ?? this.#parts.environment;
    const gh = await findGh(callers);
    const steps = [
      `push ${plan.branch} to ${remote.remote}`,
      `open a pull request of ${plan.branch} into ${remote.branch}`,
    ];
    if (dryRun) return { steps, pr: null };
    const pushEnv = callersEnvironment(callers);
    await pushBranch(git, repository.commonDir, { remote: remote.remote, branch: plan.branch, env: pushEnv });
    const row = plan.worktreeId === null ? undefined : this.#parts.registry.worktrees.get(plan.worktreeId);
    const cwd = row && !(await isMissing(row.path)) ? row.path : repository.path;
    const quiet = { GH_PROMPT_DISABLED: '1', GH_NO_UPDATE_NOTIFIER: '1', NO_COLOR: '1' };
    const draft = { gh, env: { ...forGit(callers), ...quiet }, cwd, branch: plan.branch, base: remote.branch };
    const pr = await openOrFind({ ...draft, ...describe(plan, into, subjects) });
    this.#record(repository, { plan, row, pr });
    return { steps, pr };
  }

  async #look({ repository, plan, into }: About): Promise<{ remote: RemoteBranch; subjects: string[] }> {
    const { git } = this.#parts;
    const { commonDir } = repository;
    const tip = await findCommit(git, commonDir, `refs/heads/${plan.branch}`);
    if (tip === undefined) throw noBranch(plan);
    const remote = await findRemoteBranch(git, commonDir, into);
    if (remote === undefined) throw noRemote(repository);
    const baseTip = await findBase(git, commonDir, into);
    if (baseTip === undefined) throw noRemote(repository);
    if ((await aheadBehind(git, commonDir, { tip, base: baseTip })).ahead === 0) throw nothingNew(plan, into);
    const range = ['--reverse', '--no-merges', `--max-count=${mostSubjects}`, `${baseTip}..${tip}`];
    const subjects = (await git.read(commonDir, ['log', '--format=%s', ...range, '--'])).split('\n');
    return { remote, subjects: subjects.filter((subject) => subject !== '') };
  }

  #record(
    repository: RepositoryRow,
    { plan, row, pr }: { plan: PlanRow; row: WorktreeRow | undefined; pr: PullRequest },
  ): void {
    const { registry } = this.#parts;
    registry.change((tell) => {
      if (row) registry.worktrees.update(row.id, { pr });
      const about = { repository: repository.name, plan: plan.name, worktree: row?.id ?? null };
      tell({ type: 'worktree.updated', ...about, data: { pr } });
    });
  }
}

/** Of a single commit its own words. Pure. */
function describe({ name, file }: PlanRow, base: string, subjects: string[]): { title: string; body: string } {
  const [only] = subjects;
  const title = only !== undefined && subjects.length === 1 ? only : name;
  const source = file === null ? [] : ['', `Plan: ${file}`];
  const body = [`Plan ${name}, for ${base}:`, '', ...subjects.map((subject) => `- ${subject}`), ...source];
  return { title: title.slice(0, longestTitle), body: `${body.join('\n')}\n` };
}

async function findGh(env: Record<string, string>): Promise<string> {
  const found = await findProgram('gh', env).catch(() => undefined);
  if (found !== undefined && isAbsolute(found)) return found;
  throw new WtdError('SPAWN_FAILED', 'gh, which opens pull requests, is not on the PATH', {
    hint: 'install it (https://cli.github.com) and run `gh auth login`, or complete the plan without --pr',
    command: ['gh'],
    cause: 'it is not on the PATH',
  });
}

async function openOrFind(draft: Draft): Promise<PullRequest> {
  const { branch, base, title, body } = draft;
  const open = await findOpen(draft);
  if (open) return open;
  const words = ['pr', 'create', '--head', branch, '--base', base, '--title', title, '--body', body];
  const said = await runGh(draft, words).catch((error: unknown) => {
    throw error instanceof WtdError ? refusedByGh(branch, error) : error;
  });
  const made = parseUrl(said) ?? (await findOpen(draft));
  if (made) return made;
  throw new WtdError('SPAWN_FAILED', `gh opened a pull request of ${branch}, but did not say which`, {
    hint: 'see `gh pr list`, and note it with `wtd worktree update <worktree> --pr <number>`',
    command: ['gh', ...words],
    cause: said.slice(0, 1000),
  });
}

/** Asked for by name, gh would take a branch of digits for a number; a fork may have a branch of the same name. */
async function findOpen(draft: Draft): Promise<PullRequest | undefined> {
  try {
    const which = ['--head', draft.branch, '--base', draft.base, '--state', 'open'];
    const said = await runGh(draft, ['pr', 'list', ...which, '--json', 'number,url,isCrossRepository']);
    const own = listed.parse(JSON.parse(said)).find(({ isCrossRepository }) => !isCrossRepository);
    return own && { number: own.number, url: own.url };
  } catch {
    return undefined;
  }
}

const runGh = ({ gh, env, cwd }: Draft, args: string[]): Promise<string> =>
  runCommand({ program: gh, args, cwd, env, timeoutMs: ghTimeoutMs });

/** The last address of a pull request in what gh printed. Pure. */
function parseUrl(said: string): PullRequest | undefined {
  const found = [...said.matchAll(/https?:\/\/\S+\/pull\/(?<number>\d+)/g)].at(-1);
  const number = found?.groups?.['number'];
  return found && number !== undefined ? { number: Number(number), url: found[0] } : undefined;
}

const refusedByGh = (branch: string, { data }: WtdError): WtdError =>
  new WtdError('SPAWN_FAILED', `gh opened no pull request of ${branch}: ${String(data['cause'])}`, {
    hint: 'the branch is pushed; see what gh says (`gh auth status`), mend it and try again',
    command: data['command'],
    cause: data['cause'],
  });

const noRemote = ({ name, path }: RepositoryRow): WtdError =>
  new WtdError('INVALID_STATE', `${name} has no remote repository for a pull request`, {
    hint: `add one with \`git -C ${path} remote add origin <url>\`, or complete the plan without --pr`,
    state: 'no remote',
    allowed: ['a base that follows a remote branch, or a remote called origin'],
  });

const nothingNew = (plan: PlanRow, base: string): WtdError =>
  new WtdError('INVALID_STATE', `plan ${plan.name} has no commits that ${base} lacks`, {
    hint: `let it work first: \`wtd start ${plan.name}\``,
    state: 'nothing new',
    allowed: ['a plan with commits of its own'],
  });
