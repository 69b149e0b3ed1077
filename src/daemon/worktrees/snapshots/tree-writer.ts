import { createWriteStream } from 'node:fs';
import { lstat, mkdir, rm, rmdir, symlink, unlink } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { fullPath, staysInside } from '../../git/byte-paths.ts';

/** Content of a file, piece by piece. */
type Content = AsyncIterable<Buffer>;

/** Links longer than this are none of any file system. */
const longestLink = 65_536;

/** Writes files into a worktree that nobody else is at work in, and nowhere else, whatever names and links say. */
export class TreeWriter {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async writeFile(path: string, isExecutable: boolean, content: Content): Promise<void> {
    const target = await this.#clear(path);
    // `wx` follows no link and overwrites nothing.
    await pipeline(content, createWriteStream(target, { flags: 'wx', mode: isExecutable ? 0o777 : 0o666 }));
  }

  async writeLink(path: string, content: Content): Promise<void> {
    const pieces: Buffer[] = [];
    let length = 0;
    for await (const piece of content) {
      length += piece.length;
      if (length > longestLink) throw new Error(`a link cannot point to a name of more than ${longestLink} bytes`);
      pieces.push(piece);
    }
    await symlink(Buffer.concat(pieces), await this.#clear(path));
  }

  /** A file or link that is there; directories that become empty go with it. */
  async remove(path: string): Promise<void> {
    if (!(await this.#hasParents(path))) return;
    const found = await lstatIfThere(this.#full(path));
    if (!found) return;
    // A directory is what git shows of a submodule.
    if (found.isDirectory()) await rmdir(this.#full(path)).catch(() => undefined);
    else await unlink(this.#full(path));
    for (const parent of parentsOf(path).reverse()) {
      const isEmpty = await rmdir(this.#full(parent)).then(
        () => true,
        () => false,
      );
      if (!isEmpty) return;
    }
  }

  /** Makes the directories above a path and takes away what is in its place. Answers where that is. */
  async #clear(path: string): Promise<Buffer> {
    for (const parent of parentsOf(path)) {
      const found = await lstatIfThere(this.#full(parent));
      if (found?.isDirectory()) continue;
      if (found) await unlink(this.#full(parent));
      await mkdir(this.#full(parent));
    }
    const target = this.#full(path);
    await rm(target, { recursive: true, force: true });
    return target;
  }

  /** Only real directories: what lies behind a link is somebody else's. */
  async #hasParents(path: string): Promise<boolean> {
    for (const parent of parentsOf(path)) {
      if (!(await lstatIfThere(this.#full(parent)))?.isDirectory()) return false;
    }
    return true;
  }

  #full(path: string): Buffer {
    if (!staysInside(path)) throw new Error(`${JSON.stringify(path)} does not stay inside ${this.#root}`);
    return fullPath(this.#root, path);
  }
}

/** Of `a/b/c`: `a` and `a/b`. */
function parentsOf(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, at) => parts.slice(0, at + 1).join('/'));
}

async function lstatIfThere(path: Buffer) {
  return lstat(path).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  });
}
