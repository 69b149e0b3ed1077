import * as z from 'zod';
import { method } from './method.ts';

export const show = method({
  summary: 'Show the configuration in effect and where it came from',
  params: {},
  result: z.object({ effective: z.looseObject({}), sources: z.array(z.string()) }),
});
