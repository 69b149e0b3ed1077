import type { Handler } from './handler.ts';

export const status: Handler<'daemon.status'> = ({ daemonStatus }) => daemonStatus.describe();

export const doctor: Handler<'daemon.doctor'> = ({ doctor: service }, params) => service.examine(params);

export const reload: Handler<'daemon.reload'> = async ({ lifecycle }) => {
  await lifecycle.reload();
  return {};
};

export const shutdown: Handler<'daemon.shutdown'> = async ({ lifecycle }, { runs = 'keep' }) => {
  await lifecycle.shutdown(runs);
  return {};
};
