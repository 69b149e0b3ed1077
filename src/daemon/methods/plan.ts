import type { Handler } from './handler.ts';

export const create: Handler<'plan.create'> = ({ plans }, { repository, cwd, ...described }) =>
  plans.create({ repository, cwd }, described);

export const list: Handler<'plan.list'> = async ({ plans }, address) => ({ plans: await plans.list(address) });

export const show: Handler<'plan.show'> = ({ plans }, address) => plans.show(address);

export const current: Handler<'plan.current'> = ({ currentPlan }, whereabouts) => currentPlan.find(whereabouts);

export const progress: Handler<'plan.progress'> = ({ planTasks }, { tasks: reports, ...address }) =>
  planTasks.report(address, reports);

export const tasks: Handler<'plan.tasks'> = ({ planTasks }, address) => planTasks.list(address);

export const start: Handler<'plan.start'> = async ({ plans, runs }, { repository, cwd, plan: name, ...wish }) =>
  runs.modelOf(await plans.start({ repository, cwd }, { name, ...wish }));

export const stop: Handler<'plan.stop'> = async ({ plans, runs }, { timeoutMs: graceMs, force, ...address }) =>
  runs.modelOf(await plans.stop(address, { graceMs, force }));

export const pause: Handler<'plan.pause'> = async ({ plans, runs }, address) =>
  runs.modelOf(await plans.pause(address));

export const resume: Handler<'plan.resume'> = async ({ plans, runs }, address) =>
  runs.modelOf(await plans.resume(address));

export const restart: Handler<'plan.restart'> = async ({ plans, runs }, { timeoutMs: graceMs, env, ...address }) =>
  runs.modelOf(await plans.restart(address, { graceMs, env }));

export const wait: Handler<'plan.wait'> = async ({ plans, runs }, { timeoutMs, ...wanted }, { signal }) =>
  runs.untilEnded(await plans.requireRun(wanted), { timeoutMs, signal });

export const logs: Handler<'plan.logs'> = async ({ plans, runLogs }, { tail, from, follow, ...wanted }) =>
  runLogs.open(await plans.requireRun(wanted), { tail, from, follow });

export const complete: Handler<'plan.complete'> = ({ completions }, { repository, cwd, plan, all, ...wish }) =>
  completions.complete({ repository, cwd, plan, all }, wish);

export const remove: Handler<'plan.remove'> = async ({ plans }, address) => {
  await plans.remove(address);
  return { removed: true };
};

export const update: Handler<'plan.update'> = ({ planUpdates }, { repository, cwd, plan, ...changes }) =>
  planUpdates.update({ repository, cwd, plan }, changes);

export const rebase: Handler<'plan.rebase'> = ({ rebasing }, { repository, cwd, plan, ...wish }) =>
  rebasing.rebase({ repository, cwd, plan }, wish);

export const abandon: Handler<'plan.abandon'> = ({ abandoning }, { force, ...address }) =>
  abandoning.abandon(address, { force });
