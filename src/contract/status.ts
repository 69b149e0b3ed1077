import * as z from 'zod';
import { method, stream } from './method.ts';
import * as daemon from './daemon.ts';
import * as models from './models.ts';
import { addressing } from './parameters.ts';

const params = {
  ...addressing,
  allPlans: z.boolean().describe('Every plan of every repository, also completed and abandoned ones').optional(),
};

const picture = z.object({
  daemon: daemon.status.result,
  limits: z.object({ maxConcurrent: z.int(), running: z.int(), queued: z.int() }),
  machine: z.object({
    cpuPercent: z.number().nullable(),
    loadAverage: z.array(z.number()),
    memoryMb: z.number().describe('In use'),
    memoryTotalMb: z.number(),
    disk: z.object({
      path: z.string(),
      freeMb: z.number().nullable(),
      totalMb: z.number().nullable(),
      state: z.enum(['ok', 'low', 'critical']).nullable(),
    }),
  }),
  plans: z.array(models.plan),
  worktrees: z.object({
    total: z.int(),
    inUse: z.int(),
    available: z.int(),
    named: z.int(),
    failed: z.int(),
  }),
  aggregate: z.object({
    plans: z.int(),
    running: z.int(),
    queued: z.int(),
    tasks: z.object({
      total: z.int(),
      completed: z.int(),
      inProgress: z.int(),
      failed: z.int(),
      skipped: z.int(),
    }),
    percent: z.number().nullable(),
  }),
  warnings: z.array(z.string()),
});

export const get = method({ summary: 'Show the whole picture', params, result: picture, cli: { short: 'status' } });

export const watch = stream({ summary: 'Show the whole picture, again whenever it changes', params, item: picture });

export type Picture = z.infer<typeof picture>;
