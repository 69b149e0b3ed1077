/** Why a file cannot be merged; `other`: git found a way that is not known here. */
export type ConflictKind =
  'binary' | 'modifyDelete' | 'rename' | 'addAdd' | 'mode' | 'submodule' | 'directory' | 'content' | 'other';

export interface Conflict {
  path: string;
  kind: ConflictKind;
}

/** What a merge of two commits would give. Of one with conflicts the tree has marks in its files. */
export interface Merge {
  isClean: boolean;
  tree: string;
  conflicts: Conflict[];
}

interface Message {
  paths: string[];
  type: string;
}

interface Record {
  isClean: boolean;
  tree: string;
  /** Stages by path. */
  entries: Map<string, string[]>;
  messages: Message[];
}

/** Of several conflicts of one file the first of these is told. */
const kinds: readonly (readonly [type: RegExp, kind: ConflictKind])[] = [
  [/binary/, 'binary'],
  [/modify\/delete/, 'modifyDelete'],
  [/rename/, 'rename'],
  [/distinct modes/, 'mode'],
  [/submodule/, 'submodule'],
  [/file\/directory/, 'directory'],
  [/contents/, 'content'],
];

/**
 * Reads what `git merge-tree --write-tree -z --stdin` answers, a merge for each line of its input (git-merge-tree(1),
 * OUTPUT). Every character of the output is one byte. Pure.
 */
export function parseMerges(output: string): Merge[] {
  const fields = output.split('\0');
  const merges: Merge[] = [];
  let at = 0;
  const next = (): string => {
    const field = fields[at];
    if (field === undefined) throw new Error('git merge-tree ended in the middle of an answer');
    at += 1;
    return field;
  };
  while (at < fields.length - 1) merges.push(toMerge(readRecord(next)));
  return merges;
}

function readRecord(next: () => string): Record {
  const isClean = next() === '1';
  const tree = next();
  const entries = new Map<string, string[]>();
  for (let entry = next(); entry !== ''; entry = next()) {
    const tab = entry.indexOf('\t');
    const path = entry.slice(tab + 1);
    const stage = entry.slice(0, tab).split(' ').at(-1) ?? '';
    entries.set(path, [...(entries.get(path) ?? []), stage]);
  }
  // A clean merge has no messages, and nothing stands for them.
  const messages = isClean ? [] : [...readMessages(next)];
  return { isClean, tree, entries, messages };
}

function* readMessages(next: () => string): Generator<Message> {
  // After conflicts of submodules git puts advice for people where the empty field is that ends the messages.
  for (let count = next(); /^\d+$/.test(count); count = next()) {
    const paths = Array.from({ length: Number(count) }, next);
    const type = next();
    next(); // the sentence for people
    yield { paths, type };
  }
}

function toMerge({ isClean, tree, entries, messages }: Record): Merge {
  const conflicting = messages.filter(({ type }) => type.startsWith('CONFLICT'));
  const paths = new Set([...entries.keys(), ...conflicting.flatMap((message) => message.paths)]);
  const conflicts = [...paths].sort().map((path) => ({
    path: Buffer.from(path, 'latin1').toString(),
    kind: kindOf(
      conflicting.filter((message) => message.paths.includes(path)).map(({ type }) => type),
      entries.get(path) ?? [],
    ),
  }));
  return { isClean, tree, conflicts: isClean ? [] : conflicts };
}

function kindOf(types: readonly string[], stages: readonly string[]): ConflictKind {
  const kind = kinds.find(([pattern]) => types.some((type) => pattern.test(type)))?.[1];
  // Both made it, so there is no version that they have in common.
  if (kind === 'content' && stages.length > 0 && !stages.includes('1')) return 'addAdd';
  return kind ?? 'other';
}
