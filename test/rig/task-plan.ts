import { join } from 'node:path';
import type { Plan } from '../../src/contract/models.ts';
import { Checkout } from './repository.ts';
import { Rig } from './rig.ts';
import { until } from './until.ts';

/** A plan file with four tasks in two phases. */
export const planMarkdown = `# Login

## Phase 1: Begin
- [ ] 1.1 Write it
- [ ] 1.2 Test it (depends: 1.1)

## Phase 2: Finish
- [ ] 2.1 Document it
- [ ] 2.2 Ship it (depends: 1.2, 2.1)
`;

/** A plan `login` of that file, or of none, whose run has ended. */
export async function setUpTasks(options: { file: boolean } = { file: true }): Promise<Rig> {
  const rig = await Rig.setUp();
  if (options.file) rig.repository.commit({ 'plans/login.md': planMarkdown });
  await rig.start('login', ['true'], options.file ? { file: join(rig.repository.path, 'plans/login.md') } : {});
  await rig.wait('login');
  return rig;
}

export const loginCheckout = (rig: Rig): Checkout =>
  new Checkout(join(rig.repository.path, 'worktrees', 'plan-login'), rig.place.env);

export const statusFileOf = (rig: Rig): string => join(loginCheckout(rig).path, '.claude-context', 'status.json');

export const showLogin = (rig: Rig): Promise<Plan> => rig.call('plan.show', { plan: 'login', repository: 'shop' });

export const tasksOfLogin = (rig: Rig) => rig.call('plan.tasks', { plan: 'login', repository: 'shop' });

/** `{ '1.1': 'completed (checkbox)' }` */
export async function statusesOfLogin(rig: Rig): Promise<Record<string, string>> {
  const { tasks } = await tasksOfLogin(rig);
  return Object.fromEntries(tasks.map(({ id, status, source }) => [id, `${status} (${source})`]));
}

type Status = 'pending' | 'in_progress' | 'completed' | 'failed' | 'skipped';

export const reportLogin = (rig: Rig, statuses: Record<string, Status>): Promise<Plan> =>
  rig.call('plan.progress', {
    plan: 'login',
    repository: 'shop',
    tasks: Object.entries(statuses).map(([id, status]) => ({ id, status })),
  });

export const untilProgress = (rig: Rig, wanted: Partial<NonNullable<Plan['progress']>>): Promise<Plan> =>
  until(
    async () => {
      const plan = await showLogin(rig);
      const isSo = Object.entries(wanted).every(([key, value]) => plan.progress?.[key as 'total'] === value);
      return isSo && plan;
    },
    `the progress is ${JSON.stringify(wanted)}`,
  );
