import * as z from 'zod';
import { parseDuration } from '../base/duration.ts';
import { mergeStrategy } from '../contract/models.ts';
import { command, name, revision } from '../contract/parameters.ts';

const duration = z
  .string()
  .refine((text) => parseDuration(text) !== undefined, 'must be a duration such as 30s, 5m, 24h or 14d');
const interval = duration.refine((text) => (parseDuration(text) ?? 0) >= 100, 'must be at least 100ms');
const span = duration.refine((text) => (parseDuration(text) ?? 0) >= 1, 'must be at least 1ms');
const positive = (most: number) => z.int().min(1).max(most);
const port = z.int().min(1024).max(65_535);
const megabytes = z.int().min(0);
const atMost = (most: number) => positive(most).nullable().default(null);
const isBranchPrefix = (prefix: string): boolean => {
  const segments = prefix.split('/');
  return segments.pop() === '' && segments.every((segment) => name.safeParse(segment).success);
};
const section = <T extends z.ZodRawShape>(shape: T) => z.strictObject(shape).prefault({} as never);

/** A path below the main checkout, with `*` and `?` within its parts. */
const isPlace = (path: string): boolean =>
  path
    .replace(/\/$/, '')
    .split('/')
    .every((part) => !['', '.', '..', '.git'].includes(part) && !part.includes('**') && !part.includes('\0'));
const places = z
  .array(z.string().max(1024).refine(isPlace, 'must be a path inside the repository, such as .env or packages/*/.env'))
  .max(100);

/** What a repository may say of its worktrees in either of its files. */
const inBothFiles = {
  branch_prefix: z
    .string()
    .refine(isBranchPrefix, 'must be names that each end in "/", such as plan/')
    .default('plan/'),
  parallel_worktrees: positive(10_000).default(10),
  allocation_strategy: z.enum(['on_demand', 'pooled', 'reuse', 'dedicated']).default('on_demand'),
  pool_size: z.int().min(0).max(1000).default(2),
  resource_limits: section({
    max_disk_mb: atMost(1_000_000_000),
    max_memory_mb: atMost(1_000_000_000),
    max_cpu_percent: atMost(1_000_000),
  }),
  cleanup_policy: section({
    idle_timeout: duration.default('24h'),
    max_age: duration.default('14d'),
    cleanup_on_complete: z.boolean().default(true),
    keep_failed: z.boolean().default(true),
  }),
  auto_cleanup: z.boolean().default(true),
};

const setup = section({
  copy: places.default(['.env', '.env.local']),
  clone: places.default(['node_modules']),
  run: z.array(command).max(100).default([]),
  timeout: span.default('30m'),
});

const worktrees = {
  directory: z
    .string()
    .min(1)
    .refine((path) => !path.split('/').includes('..'), 'must not contain ".."')
    .default('worktrees'),
  ...inBothFiles,
  setup,
  disk_budget_mb: atMost(1_000_000_000),
};

const completion = {
  merge_strategy: mergeStrategy.default('merge'),
  archive: z.boolean().default(true),
  verify: z.array(command).max(100).default([]),
  timeout: span.default('30m'),
};

const resources = { min_disk_space_mb: megabytes.default(500), warn_disk_space_mb: megabytes.default(1000) };

/** The configuration file: every key optional, every key known. */
export const configSchema = section({
  worktrees: section(worktrees),
  ports: section({ base: port.default(8100), range_size: positive(1000).default(10), last: port.default(12_099) }),
  limits: section({
    max_concurrent: positive(10_000).default(3),
    max_per_repository: positive(10_000).nullable().default(null),
    queue_size: z.int().min(0).max(100_000).default(100),
    max_machine_cpu_percent: atMost(100),
    max_runtime: span.nullable().default(null),
    max_silence: span.nullable().default(null),
    on_breach: z.enum(['stop', 'pause', 'warn']).default('stop'),
    sample_interval: interval.default('2s'),
  }),
  resources: section(resources),
  schedule: section({
    cleanup: z.string().default('0 * * * *'),
    reconcile: z.string().default('* * * * *'),
    timezone: z.string().default('local'),
  }),
  orchestrator: section({
    command: z.array(z.string()).min(1).nullable().default(null),
    shutdown_timeout: duration.default('30s'),
    heartbeat_interval: interval.default('10s'),
    stale_threshold: duration.default('60s'),
  }),
  completion: section(completion),
  snapshots: section({ keep: duration.default('30d') }),
  runs: section({ keep: duration.default('30d'), max_log_mb: positive(1_000_000_000).nullable().default(1000) }),
  events: section({ keep: positive(100_000_000).default(100_000) }),
  log: section({
    level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
    max_mb: positive(1_000_000).default(50),
    keep: positive(1000).default(5),
  }),
});

export type Config = z.infer<typeof configSchema>;

/** A schema without what it answers where nothing was said. */
function asked(schema: z.ZodType, object: (shape: z.ZodRawShape) => z.ZodType): z.ZodType {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)
    return asked(schema.unwrap() as z.ZodType, object);
  if (!(schema instanceof z.ZodObject)) return schema;
  const fields = Object.entries(schema.shape);
  return object(Object.fromEntries(fields.map(([key, field]) => [key, asked(field as z.ZodType, object).optional()])));
}

const { branch_prefix } = inBothFiles;
const { min_disk_space_mb } = resources;

/** A repository's own `wtd.yaml`. */
export const repositorySchema = asked(
  section({
    worktrees: section({ ...inBothFiles, base: revision, setup }),
    resources: section({ min_disk_space_mb }),
    completion: section(completion),
  }),
  z.strictObject,
);

/** What is honoured of `.claude/git-workflow.json`; its other keys belong to other tools. */
export const workflowSchema = asked(
  section({
    branch_prefix,
    merge_strategy: completion.merge_strategy,
    archive_branches: completion.archive,
    worktrees: section(inBothFiles),
    resources: section({ min_disk_space_mb }),
  }),
  z.object,
);

/** The keys that are allowed at a place of a file. */
export function allowedKeys(schema: unknown, path: readonly PropertyKey[]): string[] {
  let place = schema;
  for (const key of path) place = shapeOf(place)?.[key as string];
  return Object.keys(shapeOf(place) ?? {});
}

function shapeOf(schema: unknown): Record<string, unknown> | undefined {
  if (schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional) return shapeOf(schema.unwrap());
  return schema instanceof z.ZodObject ? schema.shape : undefined;
}
