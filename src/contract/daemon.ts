import * as z from 'zod';
import { method } from './method.ts';
import { finding } from './models.ts';

const nothing = z.object({});

export const status = method({
  summary: 'Tell which daemon answers and how it is',
  params: {},
  result: z.object({
    version: z.string(),
    protocol: z.literal(1),
    pid: z.int(),
    startedAt: z.string(),
    uptimeMs: z.int(),
    socket: z.string(),
    home: z.string(),
    memoryMb: z.number(),
    counts: z.object({
      repositories: z.int(),
      worktrees: z.int(),
      plans: z.int(),
      running: z.int(),
      queued: z.int(),
      connections: z.int(),
    }),
  }),
});

const enforcement = z.enum(['kernel', 'sampled', 'no']);

export const doctor = method({
  summary: 'Tell where git, the database and the processes differ; mend what is safe to mend',
  params: { repair: z.boolean().describe('Mend what is safe to mend').optional() },
  result: z.object({
    findings: z.array(finding),
    facts: z.object({
      executor: z.string(),
      enforces: z.object({ memory: enforcement, cpu: enforcement, tasks: enforcement }),
      service: z.string(),
      git: z.string(),
      node: z.string(),
      warnings: z.array(z.string()),
    }),
  }),
  cli: { short: 'doctor' },
});

export const reload = method({
  summary: 'Read the configuration again; an invalid one changes nothing',
  params: {},
  result: nothing,
});

export const shutdown = method({
  summary: 'End the daemon; runs live on unless told otherwise',
  params: {
    runs: z.enum(['keep', 'stop']).describe('Keep the runs or stop them first (default: keep)').optional(),
  },
  result: nothing,
  waits: true,
});
