import * as z from 'zod';
import { method, stream } from './method.ts';
import { event } from './models.ts';
import { eventTypes, type EventType } from './events.ts';

const types = z
  .array(z.enum(Object.keys(eventTypes) as [EventType, ...EventType[]]))
  .max(100)
  .describe('Only events of these types')
  .optional();
const after = z.int().min(0).describe('Only events with a greater number').optional();

export const list = method({
  summary: 'List events in ascending order; without `after`, the last ones',
  params: { after, limit: z.int().min(1).max(1000).describe('At most this many (default: 100)').optional(), types },
  result: z.object({ events: z.array(event) }),
});

export const watch = stream({
  summary: 'Follow the events as they happen; with `after`, from there on',
  params: { after, types },
  item: event,
});
