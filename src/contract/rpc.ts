import * as z from 'zod';
import { method } from './method.ts';

export const discover = method({
  summary: 'Describe every method as an OpenRPC document',
  params: {},
  result: z.looseObject({ openrpc: z.string(), methods: z.array(z.unknown()) }),
});
