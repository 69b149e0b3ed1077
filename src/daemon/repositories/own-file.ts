import { constants } from 'node:fs';
import { open, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, relative } from 'node:path';
import { WtdError } from '../../contract/errors.ts';

/** A file of a repository as it is now: where it lies, what tells it from any other state of it, and its bytes. */
export interface OwnFile {
  path: string;
  version: string;
  read: () => Promise<Buffer>;
}

const mostBytes = 1_000_000;

/** Looks at a file of a checkout; undefined when there is none. Throws INVALID_PARAMS for one that must not be read. */
export async function findOwnFile(checkout: string, name: string): Promise<OwnFile | undefined> {
  const path = join(checkout, name);
  const found = await stat(path, { bigint: true }).catch((error: unknown) => {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw unreadable(path, (error as Error).message);
  });
  if (!found) return undefined;
  const inside = relative(await realpath(checkout), await realpath(path));
  if (inside.startsWith('../') || isAbsolute(inside)) throw unreadable(path, 'it is a link that leads out of it');
  if (!found.isFile()) throw unreadable(path, 'it is no file');
  requireSmall(path, Number(found.size));
  const { ino, size, mtimeNs, ctimeNs } = found;
  return { path, version: [ino, size, mtimeNs, ctimeNs].join(':'), read: () => readBytes(path) };
}

export function requireSmall(path: string, bytes: number): void {
  if (bytes > mostBytes) throw unreadable(path, `it has ${bytes} bytes, and at most ${mostBytes} are read`);
}

/** Never waits, whatever somebody has put in its place by now. */
async function readBytes(path: string): Promise<Buffer> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const buffer = Buffer.alloc(mostBytes + 1);
  const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
  requireSmall(path, bytesRead);
  return buffer.subarray(0, bytesRead);
}

const unreadable = (path: string, cause: string): WtdError =>
  new WtdError('INVALID_PARAMS', `${path} is not read: ${cause}`, {
    hint: `make ${path} a small file of the repository itself, or take it away`,
    issues: [{ path, message: cause }],
  });
