import * as z from 'zod';
import { method } from './method.ts';
import * as models from './models.ts';
import { addressing, command, id, name, revision } from './parameters.ts';

const run = id.describe('Id of a run');
const token = z.string().min(1).max(256).describe('The token that run.register answered');
const pid = z.int().min(2).describe('Process that carries the run out').optional();

export const list = method({
  summary: 'List runs, the newest first',
  params: {
    ...addressing,
    plan: name.optional(),
    active: z.boolean().describe('Only active ones (true) or ended ones (false)').optional(),
    limit: z.int().min(1).max(1000).describe('At most this many (default: 100)').optional(),
  },
  result: z.object({ runs: z.array(models.run) }),
});

export const show = method({
  summary: 'Show one run',
  params: { run },
  result: models.run,
  cli: { positional: ['run'] },
});

export const register = method({
  summary: 'Announce a run whose process the caller starts; makes plan and worktree when new',
  params: {
    ...addressing,
    plan: name,
    base: revision.describe('Branch or commit to start from').optional(),
    pid,
    command: command.optional(),
    bind: z.enum(['none', 'connection']).describe('connection: the end of this connection ends the run').optional(),
  },
  result: z.object({
    run: z.string(),
    token: z.string(),
    cwd: z.string(),
    env: z.record(z.string(), z.string()),
    heartbeatMs: z.int().describe('How often the daemon likes to hear from it'),
  }),
  cli: { positional: ['plan'], rest: 'command' },
});

export const heartbeat = method({
  summary: 'Say that a registered run is alive, and which process carries it out',
  params: { run, token, pid },
  result: models.run,
  cli: { positional: ['run'] },
});

export const finish = method({
  summary: 'Record the end of a registered run',
  params: { run, token, exitCode: z.int().min(0).max(255) },
  result: models.run,
  cli: { positional: ['run'] },
});
