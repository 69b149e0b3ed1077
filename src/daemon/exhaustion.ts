import { WtdError } from '../contract/errors.ts';

/** What the client is told when the daemon may open nothing more; undefined when that is not what went wrong. Pure. */
export function findExhaustion(error: unknown): WtdError | undefined {
  const code = findCode(error);
  if (code === undefined) return undefined;
  return new WtdError('LIMIT_REACHED', 'the daemon may open no more files', {
    hint: 'close connections and streams, then try again; or start the daemon with a higher limit (ulimit -n)',
    limit: code === 'EMFILE' ? 'descriptors of the daemon' : 'descriptors of the machine',
    current: null,
    max: null,
    suggestions: [],
  });
}

/** Also of what went wrong while something that went wrong was taken back. */
function findCode(error: unknown): 'EMFILE' | 'ENFILE' | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, cause, error: later, suppressed, errors } = error as ErrorOfMany;
  if (code === 'EMFILE' || code === 'ENFILE') return code;
  return [cause, later, suppressed, ...(errors ?? [])].map(findCode).find((found) => found !== undefined);
}

type ErrorOfMany = Error & { code?: unknown; error?: unknown; suppressed?: unknown; errors?: unknown[] };
