import { first } from './0001-first.ts';
import { limits } from './0002-limits.ts';
import { worktreeEngine } from './0003-worktree-engine.ts';
import { plansComeHome } from './0004-plans-come-home.ts';

/** In order; the schema's version is the number of those applied. Never edit one that was released. */
export const migrations: readonly string[] = [first, limits, worktreeEngine, plansComeHome];
