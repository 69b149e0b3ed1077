import type { Handler } from './handler.ts';

export const status: Handler<'pool.status'> = ({ pool }, address) => pool.status(address);

export const acquire: Handler<'pool.acquire'> = ({ pool }, { repository, cwd, ...wish }, caller) =>
  pool.acquire({ repository, cwd }, wish, caller);

export const release: Handler<'pool.release'> = ({ pool }, { outcome = 'done', ...proof }) =>
  pool.release(proof, outcome);

export const renew: Handler<'pool.renew'> = ({ pool }, { ttlMs, ...proof }) => pool.renew(proof, ttlMs);

export const warm: Handler<'pool.warm'> = async ({ pool, poolUpkeep }, { count, ...address }) => {
  await poolUpkeep.warm(address, count);
  return pool.status(address);
};

export const drain: Handler<'pool.drain'> = async ({ pool, poolUpkeep }, address) => {
  await poolUpkeep.drain(address);
  return pool.status(address);
};
