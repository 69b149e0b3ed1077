import type { Handler } from './handler.ts';

export const list: Handler<'port.list'> = async ({ portList }) => ({ ranges: await portList.ranges() });
