import * as z from 'zod';
import { method } from './method.ts';

const listener = z.object({
  port: z.int(),
  /** Null where the system does not tell. */
  pid: z.int().nullable(),
  command: z.string().nullable(),
});

export const list = method({
  summary: 'List the port ranges of all worktrees and who listens in them',
  params: {},
  result: z.object({
    ranges: z.array(
      z.object({
        start: z.int(),
        end: z.int(),
        /** Its id. */
        worktree: z.string(),
        name: z.string(),
        repository: z.string(),
        plan: z.string().nullable(),
        path: z.string(),
        listening: z.array(listener),
      }),
    ),
  }),
  cli: { short: 'ports' },
});

export type Listener = z.infer<typeof listener>;
