import type { MergeStrategy } from '../contract/models.ts';
import { checkKeys, parseYaml, type Source } from './config-file.ts';
import { repositorySchema, workflowSchema, type Config } from './config-schema.ts';

type Partly<T> = { [K in keyof T]?: T[K] extends unknown[] ? T[K] : T[K] extends object ? Partly<T[K]> : T[K] };

/** What a repository says of itself, in the words of the configuration. */
export interface OwnConfig {
  worktrees?: Partly<Config['worktrees']> & { base?: string };
  resources?: Partly<Config['resources']>;
  completion?: Partly<Config['completion']>;
}

type Workflow = Pick<OwnConfig, 'worktrees' | 'resources'> & {
  branch_prefix?: string;
  merge_strategy?: MergeStrategy;
  archive_branches?: boolean;
};

/** A repository's `wtd.yaml`. Throws INVALID_PARAMS. */
export async function parseOwn(text: string, file: string): Promise<OwnConfig> {
  const source = sourceOf(file);
  return checkKeys(repositorySchema, await parseYaml(text, source), source) as OwnConfig;
}

/** A repository's `.claude/git-workflow.json`, which other tools read too. Throws INVALID_PARAMS. */
export async function parseWorkflow(text: string, file: string): Promise<OwnConfig> {
  const source = sourceOf(file);
  const said = checkKeys(workflowSchema, await parseYaml(text, source), source);
  const { branch_prefix, merge_strategy, archive_branches: archive, worktrees, resources } = said as Workflow;
  return {
    completion: { ...(merge_strategy && { merge_strategy }), ...(archive !== undefined && { archive }) },
    worktrees: { ...(branch_prefix !== undefined && { branch_prefix }), ...worktrees },
    ...(resources && { resources }),
  };
}

const sourceOf = (file: string): Source => ({ file, hint: `mend ${file}, then try again` });
