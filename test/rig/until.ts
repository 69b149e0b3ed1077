import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';

const pauseMs = 10;
const patienceMs = 20_000;

/**
 * Asks again and again until the condition answers something true, and answers that. A condition that throws is asked
 * again; its last answer or error is told when the deadline passes.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  description: string,
  timeoutMs: number = patienceMs,
): Promise<NonNullable<Exclude<T, false | 0 | ''>>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    let last: unknown;
    try {
      const answer = await condition();
      if (answer) return answer as NonNullable<Exclude<T, false | 0 | ''>>;
      last = answer;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) {
      throw new Error(`waited ${timeoutMs} ms in vain until ${description}; last: ${inspect(last, { depth: 6 })}`);
    }
    await sleep(pauseMs);
  }
}
