import { WtdError } from '../contract/errors.ts';

/** What the client is told when the daemon may open nothing more; undefined when that is not what went wrong. Pure. */
export function findExhaustion(error: unknown): WtdError | undefined {
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: unknown };
  if (code !== 'EMFILE' && code !== 'ENFILE') return cause instanceof Error ? findExhaustion(cause) : undefined;
  return new WtdError('LIMIT_REACHED', 'the daemon may open no more files', {
    hint: 'close connections and streams, then try again; or start the daemon with a higher limit (ulimit -n)',
    limit: code === 'EMFILE' ? 'descriptors of the daemon' : 'descriptors of the machine',
    current: null,
    max: null,
    suggestions: [],
  });
}
