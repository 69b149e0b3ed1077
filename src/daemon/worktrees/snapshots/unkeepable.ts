import type { StatusEntry } from '../../git/porcelain.ts';
import type { Blocker } from '../safety.ts';

/** What decides whether all of a worktree can be kept. */
export interface Keepable {
  path: string;
  /** The commit of HEAD. */
  head: string | undefined;
  status: readonly StatusEntry[];
  /** Pipes, sockets and devices where git knows a file. */
  special: readonly string[];
  /** Submodules with commits that no remote has. */
  unpushed: readonly string[];
  /** Directories with a repository of their own that git does not tell of. */
  nested: readonly string[];
}

const mostNamed = 5;

/** What no snapshot can hold, so that not even force may remove it. Pure. */
export function unkeepable({ path, head, status, special, unpushed, nested }: Keepable): Blocker[] {
  const blockers: Blocker[] = [];
  const block = (code: string, names: readonly string[], describe: (list: string) => string) => {
    if (names.length > 0) blockers.push({ code, message: describe(enumerate(names)) });
  };
  if (head === undefined) block('unborn', [path], () => `${path} has no commit yet; make a first one`);
  const untracked = status.filter(({ code }) => code === '??').map((entry) => entry.path);
  block(
    'embedded_repository',
    [...untracked.filter((name) => name.endsWith('/')), ...nested],
    (list) => `${list}: a repository of its own, of which a snapshot has nothing; move it elsewhere`,
  );
  block(
    'submodule',
    status.filter(({ submodule }) => /^S.*[CMU]/.test(submodule)).map((entry) => entry.path),
    (list) => `${list}: a changed submodule, of which a snapshot has nothing; commit and push it, or reset it`,
  );
  block('submodule', unpushed, (list) => `${list}: a submodule with commits that no remote has; push them`);
  block('special_file', special, (list) => `${list}: no file that git can keep; remove it`);
  block(
    'unnameable',
    untracked.filter((name) => name.split('/').some((part) => part !== '.git' && /^\.git$/i.test(part))),
    (list) => `${list}: git keeps no such name; rename it`,
  );
  return blockers;
}

/** Names of files are bytes; most are UTF-8. */
const readable = (name: string): string => JSON.stringify(Buffer.from(name, 'latin1').toString()).slice(1, -1);

function enumerate(names: readonly string[]): string {
  const more = names.length > mostNamed ? ` and ${names.length - mostNamed} more` : '';
  return names.slice(0, mostNamed).map(readable).join(', ') + more;
}
