import type { Handler } from './handler.ts';

export const plan: Handler<'cleanup.plan'> = ({ sweeper }, wanted) => sweeper.plan(wanted);

export const run: Handler<'cleanup.run'> = ({ sweeper }, wanted) => sweeper.run(wanted);
