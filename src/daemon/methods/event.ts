import type { Handler } from './handler.ts';

export const list: Handler<'event.list'> = ({ journal }, params) => ({ events: journal.list(params) });

export const watch: Handler<'event.watch'> = ({ journal }, params) => journal.watch(params);
