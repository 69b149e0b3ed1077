/** The one place that asks for the time, so that tests can move it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };

/** ISO 8601 in UTC, ending in `Z`. */
export const isoTime = (epochMs: number): string => new Date(epochMs).toISOString();
