import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { StartCommand } from '../../src/client/connect.ts';

/** Answers every request with what it knows about itself, and ends when its first client leaves. */
const serving = `
  const server = require('node:net').createServer((socket) => {
    socket.on('data', (bytes) => {
      const { id } = JSON.parse(bytes);
      const result = { pid: process.pid, cwd: process.cwd(), env: process.env };
      socket.write(JSON.stringify({ jsonrpc: '2.0', id, result }) + '\\n');
    });
    socket.on('close', () => process.exit());
    socket.on('error', () => process.exit());
  });
  setTimeout(() => process.exit(), 20000).unref();
  server.listen(process.env.SOCKET);
`;

export interface Place {
  readonly directory: string;
  readonly socketPath: string;
  readonly errorFile: string;
}

export function makePlace(): Place {
  const directory = mkdtempSync(join(tmpdir(), 'wtd-client-'));
  onTestFinished(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return { directory, socketPath: join(directory, 'wtd.sock'), errorFile: join(directory, 'state', 'daemon.err') };
}

/** A program that runs the given JavaScript instead of a daemon. */
export function program({ directory, socketPath, errorFile }: Place, code: string): StartCommand {
  const file = join(directory, `daemon-${Math.random().toString(36).slice(2)}.cjs`);
  writeFileSync(file, code);
  return { program: process.execPath, args: [file], env: { SOCKET: socketPath, ONLY: 'this' }, errorFile };
}

export const servingProgram = (place: Place): StartCommand => program(place, serving);

/** Counts how often it was started. */
export const countingProgram = (place: Place, code: string): StartCommand =>
  program(
    place,
    `const starts = ${JSON.stringify(join(place.directory, 'starts'))};
    require('node:fs').appendFileSync(starts, '.');
    ${code}`,
  );

export const starts = ({ directory }: Place): number => readFileSync(join(directory, 'starts'), 'utf8').length;
