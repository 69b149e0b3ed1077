import type { Handler } from './handler.ts';

export const add: Handler<'repository.add'> = ({ repositories }, params) => repositories.add(params);

export const list: Handler<'repository.list'> = async ({ repositories }) => ({
  repositories: await repositories.list(),
});

export const show: Handler<'repository.show'> = ({ repositories }, { repository }) => repositories.show(repository);

export const update: Handler<'repository.update'> = ({ repositories }, { repository, ...said }) =>
  repositories.update(repository, said);

export const trust: Handler<'repository.trust'> = ({ repositories }, { repository }) => repositories.trust(repository);

export const remove: Handler<'repository.remove'> = async ({ repositories }, { repository }) => {
  await repositories.remove(repository);
  return { removed: true };
};
