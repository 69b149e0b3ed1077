import type { Handler } from './handler.ts';

export const order: Handler<'conflict.order'> = ({ mergeOrders }, address) => mergeOrders.of(address);
