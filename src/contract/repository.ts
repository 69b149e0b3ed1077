import * as z from 'zod';
import { method } from './method.ts';
import * as models from './models.ts';
import { description, name, path, revision, text } from './parameters.ts';

const channels = z.array(z.string().min(1).max(256)).max(100);
const repository = text(4096).min(1).describe('Name, id or absolute path').meta({ repository: true });

export const add = method({
  summary: 'Make a git repository known',
  params: {
    path: path.describe('A directory inside it'),
    name: name.describe('What to call it (default: the name of its directory)').optional(),
    description: description.optional(),
    channels: channels.optional(),
  },
  result: models.repository,
  cli: { positional: ['path'] },
});

export const list = method({
  summary: 'List the known repositories',
  params: {},
  result: z.object({ repositories: z.array(models.repository) }),
});

export const show = method({
  summary: 'Show one repository',
  params: { repository },
  result: models.repository,
  cli: { positional: ['repository'] },
});

export const update = method({
  summary: 'Change what is said of a repository',
  params: {
    repository,
    name: name.describe('What to call it from now on').optional(),
    description: description.nullable().optional(),
    channels: channels.describe('The channels whose messages are about it').optional(),
    defaultBranch: revision.describe('Branch that new ones start from').optional(),
  },
  result: models.repository,
  cli: { positional: ['repository'] },
});

export const trust = method({
  summary: 'Let the commands of its own wtd.yaml run in its worktrees, as they are now',
  params: { repository },
  result: models.repository,
  cli: { positional: ['repository'] },
});

export const remove = method({
  summary: 'Forget a repository that has no plans; its files are not touched',
  params: { repository },
  result: z.object({ removed: z.literal(true) }),
  cli: { positional: ['repository'] },
});
