import { first } from './0001-first.ts';

/** In order; the schema's version is the number of those applied. Never edit one that was released. */
export const migrations: readonly string[] = [first];
