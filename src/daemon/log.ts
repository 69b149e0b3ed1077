import { join } from 'node:path';
import { pino, type Logger } from 'pino';
import type { Config } from './config-schema.ts';
import { LogFile } from './log-file.ts';
import { forLog } from './log-redaction.ts';

export type { Logger };

const bytesPerMegabyte = 1_000_000;

/**
 * The daemon's own log: written at once, so that every line survives a SIGKILL; one JSON object a line, file mode 0600,
 * without environments. A call never throws, whatever the disk says. The sizes of `settings` hold from line to line.
 */
export function openLog(directory: string, settings: () => Config['log']): Logger {
  const file = new LogFile({
    path: join(directory, 'daemon.log'),
    limits: () => ({ maxBytes: settings().max_mb * bytesPerMegabyte, keep: settings().keep }),
    lostLine: (count) => {
      const line = { level: pino.levels.values['warn'], time: new Date().toISOString(), pid: process.pid };
      return `${JSON.stringify({ ...line, msg: `${count} lines found no space in the log and are lost` })}\n`;
    },
  });
  return pino(
    {
      level: settings().level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { log: (members) => forLog(members) as Record<string, unknown> },
      // An error has been described by then.
      serializers: { err: (described: unknown) => described },
    },
    file,
  );
}
