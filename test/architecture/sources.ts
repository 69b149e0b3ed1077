import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export const root = fileURLToPath(new URL('../../', import.meta.url));

/** A parsed file; its path is relative to the project, as in `src/rpc/framing.ts`. */
export interface Source {
  path: string;
  file: ts.SourceFile;
}

export interface Import {
  /** The imported file, relative to the project, or the package (`node:fs`, `zod`). */
  target: string;
  isTypeOnly: boolean;
  at: string;
}

export const parseSource = (path: string, text: string): Source => ({
  path,
  file: ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true),
});

export function listFiles(directory: string): string[] {
  const entries = readdirSync(new URL(directory, `file://${root}`), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => posix.relative(root, posix.join(entry.parentPath, entry.name)))
    .sort();
}

/** Every TypeScript file below a directory such as `src/`. */
export const readSources = (directory: string): Source[] =>
  listFiles(directory)
    .filter((path) => path.endsWith('.ts'))
    .map((path) => parseSource(path, readFileSync(posix.join(root, path), 'utf8')));

export function* nodesOf(node: ts.Node): Generator<ts.Node> {
  yield node;
  const children: ts.Node[] = [];
  ts.forEachChild(node, (child) => void children.push(child));
  for (const child of children) yield* nodesOf(child);
}

/** `src/a.ts:12`, which terminals and editors open. */
export const placeOf = (source: Source, node: ts.Node): string =>
  `${source.path}:${source.file.getLineAndCharacterOfPosition(node.getStart()).line + 1}`;

/** Every import of a file: static, re-exported, dynamic, required, and in the place of a type. */
export function listImports(source: Source): Import[] {
  return [...nodesOf(source.file)].flatMap((node) => {
    const found = findImport(node);
    return found ? [{ ...found, target: resolve(source.path, found.target), at: placeOf(source, node) }] : [];
  });
}

function findImport(node: ts.Node): { target: string; isTypeOnly: boolean } | undefined {
  if (ts.isImportDeclaration(node)) {
    const isTypeOnly = node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
    return { target: textOf(node.moduleSpecifier), isTypeOnly };
  }
  if (ts.isExportDeclaration(node)) {
    return node.moduleSpecifier && { target: textOf(node.moduleSpecifier), isTypeOnly: node.isTypeOnly };
  }
  if (ts.isImportTypeNode(node)) {
    const { argument } = node;
    return { target: ts.isLiteralTypeNode(argument) ? textOf(argument.literal) : computed, isTypeOnly: true };
  }
  if (ts.isCallExpression(node) && isImportFunction(node.expression)) {
    return { target: textOf(node.arguments[0]), isTypeOnly: false };
  }
  return undefined;
}

const isImportFunction = (callee: ts.Expression): boolean =>
  callee.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(callee) && callee.text === 'require');

const computed = '(a computed path)';

const textOf = (node: ts.Node | undefined): string => (node && ts.isStringLiteralLike(node) ? node.text : computed);

function resolve(from: string, specifier: string): string {
  if (specifier.startsWith('.')) return posix.join(posix.dirname(from), specifier);
  if (specifier === computed || specifier.startsWith('node:')) return specifier;
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}
