import * as z from 'zod';
import { breachAction } from './models.ts';

/** What is passed on to the system, where NUL would end it. */
export const text = (most: number) =>
  z
    .string()
    .max(most)
    .refine((value) => !value.includes('\0'), 'must not contain a NUL character');

/** Names of plans, worktrees and repositories; safe as a part of a path and of a branch. */
export const name = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    'must be 1 to 64 letters, digits, dots, dashes or underscores, the first a letter or a digit',
  )
  .refine((value) => !value.includes('..'), 'must not contain ".."')
  .refine((value) => !value.endsWith('.') && !value.endsWith('.lock'), 'must not end in "." or ".lock"');

export const id = text(128).min(1);

/** A path; the command line makes it absolute before it is sent. */
export const path = text(4096).min(1).meta({ path: true });

const absolutePath = path.refine((value) => value.startsWith('/'), 'must be an absolute path');

/** A commit-ish for git, never mistaken for an option. */
export const revision = text(1024)
  .min(1)
  .refine((value) => !value.startsWith('-'), 'must not start with "-"');

/** Whether git takes it as the name of a branch (git-check-ref-format(1)). Pure. */
export const isBranch = (value: string): boolean =>
  !/[\p{Cc}\p{Cs} ~^:?*[\\]|\.\.|@\{/u.test(value) &&
  !['@', 'HEAD'].includes(value) &&
  !value.startsWith('-') &&
  !value.endsWith('.') &&
  value.split('/').every((part) => part !== '' && !part.startsWith('.') && !part.endsWith('.lock'));

export const branch = text(250).min(1).refine(isBranch, 'must be a name that git takes for a branch');

export const command = z
  .array(text(131_072))
  .min(1, 'must name a program')
  .max(4096)
  .refine((words) => words[0] !== '', 'must name a program');

export const environment = z
  .record(z.string().regex(/^[^=\0]+$/, 'must not be empty or contain "=" or NUL'), text(131_072))
  .meta({ cli: 'environment' });

export const milliseconds = z.int().min(0).max(Number.MAX_SAFE_INTEGER).meta({ duration: true });

export const description = text(4096);

/** Of a task of a plan file. */
export const taskId = text(32).regex(/^\d+\.\d+(\.\d+)?$/, 'must be an id such as 1.2 or 1.2.3');
export const taskNote = text(4096);

const upTo = (most: number) => z.int().min(1).max(most);

/** Limits of a run. One that is left out is the plan's, else the configuration's; null: none. */
export const limits = z
  .strictObject({
    maxMemoryMb: upTo(1_000_000_000).nullable().describe('Most memory of all its processes together').optional(),
    maxCpuPercent: upTo(1_000_000).nullable().describe('Most CPU of all its processes; 100 is one core').optional(),
    maxDiskMb: upTo(1_000_000_000).nullable().describe('Most disk space of its worktree').optional(),
    maxRuntimeMs: milliseconds.min(1).nullable().describe('Longest time it may run').optional(),
    maxSilenceMs: milliseconds.min(1).nullable().describe('Longest time without output').optional(),
    onBreach: breachAction.describe('What happens when it breaks a limit').optional(),
  })
  .describe("Limits of the run (default: the plan's, then the configuration's)");

/** How every method finds its repository; see "Addressing" in the documentation. */
export const addressing = {
  repository: text(4096)
    .min(1)
    .describe('Name of a repository, or an absolute path inside it')
    .meta({ flag: 'repo', repository: true })
    .optional(),
  cwd: absolutePath.describe('The directory of the caller').meta({ cli: 'cwd' }).optional(),
};
