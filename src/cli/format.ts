import { formatDuration } from '../base/duration.ts';

/** What the text for people depends on beside the answer. */
export interface View {
  readonly cwd: string;
  readonly nowMs: number;
  readonly hasColour: boolean;
  /** Of the terminal, in characters; undefined: lines may have any length. */
  readonly width?: number | undefined;
}

/** Control characters would break a table and could steer the terminal. */
export const plain = (text: string): string => text.replaceAll(/\p{Cc}+/gu, ' ');

/** The same for what may have several lines, such as what git said. */
export const harmless = (text: string): string => text.replaceAll(/[^\P{Cc}\n\t]+/gu, ' ');

/** Any value in one line; what is not known is a dash, never `null`. */
export function formatValue(value: unknown): string {
  if (value === null || value === undefined || value === '') return '-';
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.map(formatValue).join(' ');
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return plain(typeof value === 'string' ? value : JSON.stringify(value));
}

export function formatMegabytes(megabytes: number | null): string {
  if (megabytes === null) return '-';
  if (megabytes < 1000) return `${megabytes.toFixed(0)} MB`;
  const gigabytes = megabytes / 1000;
  return `${gigabytes.toFixed(gigabytes < 10 ? 1 : 0)} GB`;
}

export const formatPercent = (percent: number | null): string => (percent === null ? '-' : `${percent.toFixed(0)}%`);

const barWidth = 10;

/** `[###-------]`: in ASCII, so that it is the same on every terminal. */
export function formatBar(percent: number | null): string {
  const full = Math.floor(((percent ?? 0) / 100) * barWidth);
  return `[${'#'.repeat(full)}${'-'.repeat(barWidth - full)}]`;
}

interface Counted {
  readonly completed: number;
  readonly total: number;
  readonly percent: number | null;
}

/** `3/10 30%`. */
export const formatCounts = ({ completed, total, percent }: Counted): string =>
  `${completed}/${total} ${formatPercent(percent)}`;

export const formatPorts = (ports: { start: number; end: number } | null): string =>
  ports === null ? '-' : `${ports.start}-${ports.end}`;

/** How long ago: `5m`. */
export function formatSince(time: string | null, { nowMs }: View): string {
  const thenMs = time === null ? NaN : Date.parse(time);
  return Number.isNaN(thenMs) ? '-' : formatDuration(Math.max(0, nowMs - thenMs));
}

/** The path, seen from the current directory where it lies in it. */
export function formatPath(path: string | null, { cwd }: View): string {
  if (path === null) return '-';
  if (cwd === '/') return plain(path);
  if (path === cwd) return '.';
  return plain(path.startsWith(`${cwd}/`) ? path.slice(cwd.length + 1) : path);
}

/** A command as somebody could type it. */
export function formatCommand(command: readonly string[]): string {
  const quote = (word: string) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);
  return command.length === 0 ? '-' : plain(command.map(quote).join(' '));
}

const red = 31;
const green = 32;
const yellow = 33;
const cyan = 36;
const grey = 90;

const colours: Readonly<Record<string, number>> = {
  running: green,
  starting: cyan,
  queued: cyan,
  paused: yellow,
  stopping: yellow,
  failed: red,
  lost: red,
  warning: yellow,
  high: red,
  medium: yellow,
  succeeded: grey,
  stopped: grey,
  completed: grey,
  abandoned: grey,
  idle: grey,
  pending: grey,
  in_progress: green,
};

/** The text in the colour of its state. */
export function paint(text: string, state: string, { hasColour }: View): string {
  const colour = Object.hasOwn(colours, state) ? colours[state] : undefined;
  return hasColour && colour !== undefined ? `\u001b[${colour}m${text}\u001b[0m` : text;
}
