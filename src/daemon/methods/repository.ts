import type { Handler } from './handler.ts';

export const add: Handler<'repository.add'> = ({ repositories }, params) => repositories.add(params);

export const list: Handler<'repository.list'> = ({ repositories }) => ({ repositories: repositories.list() });

export const show: Handler<'repository.show'> = ({ repositories }, { repository }) => repositories.show(repository);

export const remove: Handler<'repository.remove'> = async ({ repositories }, { repository }) => {
  await repositories.remove(repository);
  return { removed: true };
};
