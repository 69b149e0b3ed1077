import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Place } from './place.ts';

/** A git repository or one of its worktrees, and git in it. */
export class Checkout {
  readonly path: string;
  readonly #env: Readonly<Record<string, string>>;

  constructor(path: string, env: Readonly<Record<string, string>>) {
    this.path = path;
    this.#env = env;
  }

  /** Standard output without the last newline. Throws with what git said. */
  git(...args: string[]): string {
    return execFileSync('git', args, { cwd: this.path, env: this.#env, encoding: 'utf8', stdio: 'pipe' }).trimEnd();
  }

  /** The same to the last byte, each a character. */
  gitBytes(...args: string[]): string {
    return execFileSync('git', args, { cwd: this.path, env: this.#env, encoding: 'latin1', stdio: 'pipe' });
  }

  /** Another checkout of the same user. */
  at(path: string): Checkout {
    return new Checkout(path, this.#env);
  }

  write(name: string, text: string): void {
    const file = join(this.path, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  /** Commits files, and answers the commit. */
  commit(files: Readonly<Record<string, string>>, message = 'Work'): string {
    for (const [name, text] of Object.entries(files)) this.write(name, text);
    this.git('add', '--all', '--', ...Object.keys(files));
    this.git('commit', '--quiet', '--allow-empty', '--message', message);
    return this.git('rev-parse', 'HEAD');
  }

  /** Worktrees as git knows them, the main one first. */
  worktrees(): string[] {
    return this.git('worktree', 'list', '--porcelain')
      .split('\n')
      .filter((line) => line.startsWith('worktree '))
      .map((line) => line.slice('worktree '.length));
  }

  branches(): string[] {
    return this.git('branch', '--list', '--format=%(refname:short)').split('\n').filter(Boolean);
  }

  /** A worktree made by hand beside this checkout. */
  linkWorktree(branch: string): Checkout {
    const path = `${this.path}-${branch.replaceAll('/', '-')}`;
    this.git('worktree', 'add', '--quiet', '-b', branch, path);
    return new Checkout(path, this.#env);
  }
}

/** `unborn`: no commit yet; `bare`: no checkout, but with a commit on main. */
export type RepositoryKind = 'usual' | 'unborn' | 'bare';

export function makeRepository(place: Place, name = 'shop', kind: RepositoryKind = 'usual'): Checkout {
  const path = place.makeDirectory(join('repositories', name));
  const repository = new Checkout(path, place.env);
  if (kind === 'bare') {
    const source = makeRepository(place, `${name}-source`);
    source.git('clone', '--quiet', '--bare', '.', path);
    return repository;
  }
  repository.git('init', '--quiet', '--initial-branch=main');
  if (kind === 'usual') repository.commit({ 'README.md': 'A shop\n' }, 'Begin');
  return repository;
}
