import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import type { Checkout } from './repository.ts';

interface File {
  content: string;
  isExecutable: boolean;
}
type Files = ReadonlyMap<string, File>;

type Step =
  | { do: 'edit'; name: string; line: number; text: string }
  | { do: 'write'; name: string; content: string }
  | { do: 'delete' | 'toggle'; name: string }
  | { do: 'move'; name: string; to: string };

/** Commits of one branch; it parts from `main`, or from the branch before it after so many of that one's commits. */
export interface History {
  from: number | null;
  commits: Step[][];
}

const names = ['a.txt', 'b.txt', 'dir/c.txt', 'dir/d.txt', 'dir', 'picture', 'new\nline', 'ü'];
const name = fc.constantFrom(...names);
const lines = (title: string): string => Array.from({ length: 12 }, (_, at) => `${title} ${at}\n`).join('');
const begin: Files = new Map(
  ['a.txt', 'b.txt', 'dir/c.txt', 'dir/d.txt', 'picture', 'ü'].map((each) => [
    each,
    { content: each === 'picture' ? '\0\u0001' : lines(each), isExecutable: false },
  ]),
);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('edit' as const),
      name,
      line: fc.nat(11),
      text: fc.constantFrom('one', 'two'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('write' as const),
      name,
      content: fc.constantFrom('', 'short\n', '\0\u0002', '\0\u0003', lines('other')),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('delete' as const, 'toggle' as const), name }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('move' as const), name, to: name }) },
);

const history: fc.Arbitrary<History> = fc.record({
  from: fc.option(fc.nat(2), { freq: 2 }),
  commits: fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 }),
});

export const histories = (count: number): fc.Arbitrary<History[]> =>
  fc.array(history, { minLength: count, maxLength: count });

function apply(files: Files, done: Step): Files {
  const now = new Map(files);
  const file = now.get(done.name);
  const put = (path: string, value: File) => {
    // A file cannot be where a directory is.
    for (const other of [...now.keys()]) {
      if (other.startsWith(`${path}/`) || path.startsWith(`${other}/`)) now.delete(other);
    }
    now.set(path, value);
  };
  if (done.do === 'write') put(done.name, { content: done.content, isExecutable: false });
  if (!file) return now;
  if (done.do === 'delete' || done.do === 'move') now.delete(done.name);
  if (done.do === 'move') put(done.to, file);
  if (done.do === 'toggle') put(done.name, { ...file, isExecutable: !file.isExecutable });
  if (done.do === 'edit') {
    const edited = file.content.split('\n').map((line, at) => (at === done.line ? done.text : line));
    put(done.name, { ...file, content: edited.join('\n') });
  }
  return now;
}

const quoted = (path: string): string => `"${path.replaceAll('\n', '\\n')}"`;
const data = (text: string): string => `data ${Buffer.byteLength(text)}\n${text}\n`;

/** Writes `main` and the branches as they are said to be, whatever they were before. */
export function writeHistories(repository: Checkout, branches: readonly { branch: string; history: History }[]): void {
  let mark = 0;
  const stream: string[] = [];
  const commit = (branch: string, files: Files, parent: number | null): number => {
    mark += 1;
    const tree = [...files].map(
      ([path, { content, isExecutable }]) =>
        `M ${isExecutable ? '100755' : '100644'} inline ${quoted(path)}\n${data(content)}`,
    );
    const from = parent === null ? [] : [`from :${parent}\n`];
    const head = [`commit refs/heads/${branch}\nmark :${mark}\ncommitter Ada <ada@example.org> ${mark} +0000\n`];
    stream.push(...head, data('Work'), ...from, 'deleteall\n', ...tree, '\n');
    return mark;
  };
  const root = { files: begin, mark: commit('main', begin, null) };
  let before = [root];
  for (const { branch, history: own } of branches) {
    const start = own.from === null ? root : (before[Math.min(own.from, before.length - 1)] ?? root);
    stream.push(`reset refs/heads/${branch}\nfrom :${start.mark}\n\n`);
    before = [start];
    for (const steps of own.commits) {
      const last = before.at(-1) ?? start;
      const files = steps.reduce(apply, last.files);
      before.push({ files, mark: commit(branch, files, last.mark) });
    }
  }
  execFileSync('git', ['fast-import', '--quiet', '--force', '--date-format=raw'], {
    cwd: repository.path,
    input: stream.join(''),
    stdio: ['pipe', 'ignore', 'pipe'],
  });
}
