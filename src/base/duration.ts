import ms from 'ms';

/** Milliseconds of `30s`, `5m`, `24h`, `14d` or a bare number of milliseconds; undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  if (!/^\d+(\.\d+)?\s?(ms|s|m|h|d|w)?$/.test(text)) return undefined;
  const value = ms(text as ms.StringValue);
  return Number.isFinite(value) ? Math.round(value) : undefined;
}

/** A short form for people: `42s`, `5m`, `3h`. */
export const formatDuration = (durationMs: number): string =>
  durationMs < 1000 ? '0s' : ms(Math.floor(durationMs / 1000) * 1000);

/** Like parseDuration, for text that was checked before. */
export function milliseconds(text: string): number {
  const value = parseDuration(text);
  if (value === undefined) throw new Error(`not a duration: ${text}`);
  return value;
}
