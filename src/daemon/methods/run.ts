import type { Handler } from './handler.ts';

export const list: Handler<'run.list'> = async ({ runs }, params) => ({ runs: await runs.list(params) });

export const show: Handler<'run.show'> = ({ runs }, { run }) => runs.show(run);

export const register: Handler<'run.register'> = async ({ plans, registered }, params, caller) => {
  const { plan, base, pid, command, bind, ...address } = params;
  const registration = await plans.register(address, { name: plan, base, pid, command });
  if (bind === 'connection') registered.follow(registration.run, caller);
  return registration;
};

export const heartbeat: Handler<'run.heartbeat'> = async ({ runs, registered }, { run, ...word }) =>
  runs.modelOf(await registered.heartbeat(run, word));

export const finish: Handler<'run.finish'> = ({ runs, registered }, { run, ...word }) =>
  runs.modelOf(registered.finish(run, word));
