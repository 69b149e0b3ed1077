import type { Handler } from './handler.ts';

export const matrix: Handler<'conflict.matrix'> = ({ conflicts }, { uncommitted, ...address }) =>
  conflicts.matrix(address, { uncommitted });

export const order: Handler<'conflict.order'> = ({ mergeOrders }, address) => mergeOrders.of(address);
