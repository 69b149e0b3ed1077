import type { Handler } from './handler.ts';

export const get: Handler<'status.get'> = ({ status }, params) => status.get(params);

export const watch: Handler<'status.watch'> =
  ({ status }, params) =>
  (control) =>
    status.watch(params, control);
