import { z } from 'zod';
import { method } from './method.ts';

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
