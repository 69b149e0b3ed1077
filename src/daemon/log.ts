import { join } from 'node:path';
import { destination, pino, type Logger } from 'pino';

export type { Logger };

/** Characters that wait while the disk is full; what comes on top is dropped. */
const maxLength = 1_000_000;

/** The daemon's own log: synchronous, so that every line survives a SIGKILL; one JSON object a line, file mode 0600. */
export function openLog(directory: string, level: string): Logger {
  const file = destination({ dest: join(directory, 'daemon.log'), sync: true, append: true, mode: 0o600, maxLength });
  // Without a listener a full disk would make every log call throw.
  file.on('error', () => undefined);
  return pino({ level, base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime }, file);
}
