import ts from 'typescript';
import { listImports, nodesOf, placeOf, type Source } from './sources.ts';

/** Something only certain files may do. */
interface Ownership {
  what: string;
  owners: RegExp;
  instead: string;
  isUse: (node: ts.Node) => boolean;
}

const inDaemon = (...rooms: string[]) => new RegExp(`^src/daemon/(${rooms.join('|')})/`);

const packages = [
  { names: ['execa'], owners: inDaemon('git', 'runs', 'commands'), instead: 'call runCommand of daemon/commands' },
  {
    names: ['node:child_process', 'child_process'],
    owners: /^src\/(daemon\/(git|runs|commands)\/|client\/start-daemon\.ts$|cli\/carry-out\.ts$)/,
    instead: 'call runCommand of daemon/commands',
  },
  { names: ['better-sqlite3'], owners: inDaemon('registry'), instead: 'add a function to daemon/registry' },
  { names: ['zod'], owners: /^src\/(contract|daemon)\//, instead: 'use the compiled table; zod slows the client down' },
  { names: ['json-rpc-2.0'], owners: /^src\/rpc\//, instead: 'use what src/rpc makes of it' },
];

const sql =
  /^\s*(select\b.+\bfrom\b|insert\s+(or\s+\w+\s+)?into\b|update\s+\w+\s+set\b|delete\s+from\b|(create|alter|drop)\s+(unique\s+)?(table|index|trigger|view)\b|pragma\s+\w+|begin\s+(immediate|exclusive|deferred)\b|(commit|rollback|vacuum);?$)/is;

const uses: readonly Ownership[] = [
  {
    what: 'spawns git',
    owners: inDaemon('git'),
    instead: 'add a function to daemon/git, which knows its locks and its environment',
    isUse: (node) => isText(node, (text) => text === 'git') && isProgram(node),
  },
  {
    what: 'says SQL',
    owners: inDaemon('registry'),
    instead: 'add a function to daemon/registry',
    isUse: (node) => isText(node, (text) => sql.test(text)),
  },
  {
    what: 'reads the environment',
    owners: /^src\/(main|daemon\/config|daemon\/paths)\.ts$/,
    instead: 'take what you need as an argument',
    isUse: (node) => isMemberOfProcess(node, ['env']),
  },
  {
    what: 'touches the terminal',
    owners: /^src\/(cli|tui)\//,
    instead: 'answer a value, log it, or throw a WtdError',
    isUse: (node) => isMemberOfProcess(node, ['stdin', 'stdout', 'stderr']) || isConsole(node),
  },
  {
    what: 'signals a process',
    owners: /^src\/(daemon\/runs\/identity|base\/fault-point)\.ts$/,
    instead: 'call signalProcess of daemon/runs/identity.ts, which compares the start time first',
    isUse: (node) => isMemberOfProcess(node, ['kill']),
  },
  {
    what: 'ends the process',
    owners: /^src\/main\.ts$/,
    instead: 'throw a WtdError; main.ts sets the exit code',
    isUse: (node) => isMemberOfProcess(node, ['exit', 'abort', 'reallyExit']),
  },
];

/** One sentence for everything done outside of the room it belongs to. */
export const checkOwners = (sources: readonly Source[]): string[] =>
  sources.flatMap((source) => [...checkPackages(source), ...checkUses(source)]);

const checkPackages = (source: Source): string[] =>
  listImports(source).flatMap(({ target, at, isTypeOnly }) =>
    packages
      .filter(({ names, owners }) => names.includes(target) && !owners.test(source.path) && !isTypeOnly)
      .map(({ instead }) => `${at} imports ${target}; ${instead}`),
  );

const checkUses = (source: Source): string[] => {
  const forbidden = uses.filter(({ owners }) => !owners.test(source.path));
  return [...nodesOf(source.file)].flatMap((node) =>
    forbidden
      .filter(({ isUse }) => isUse(node))
      .map(({ what, instead }) => `${placeOf(source, node)} ${what}; ${instead}`),
  );
};

/** rpc/ serves any table of methods, in a browser too. */
export function checkRpc(sources: readonly Source[], methodNames: readonly string[]): string[] {
  return sources.flatMap((source) => {
    const fromNode = listImports(source)
      .filter(({ target, isTypeOnly }) => target.startsWith('node:') && !isTypeOnly)
      .map(({ target, at }) => `${at} imports ${target}, which browsers lack; take what you need as an argument`);
    const named = [...nodesOf(source.file)]
      .filter((node) => isText(node, (text) => methodNames.includes(text)))
      .map((node) => `${placeOf(source, node)} names a method of the contract; let the caller decide by the name`);
    return [...fromNode, ...named];
  });
}

export const checkNames = (paths: readonly string[]): string[] =>
  paths
    .filter((path) => /(^|[/-])(utils?|common|helpers?|managers?|misc)([/.-]|$)/i.test(path))
    .map((path) => `${path} is named after no idea; name it after what it does`);

function isText(node: ts.Node, matches: (text: string) => boolean): boolean {
  if (ts.isStringLiteralLike(node)) return matches(node.text);
  return ts.isTemplateExpression(node) && matches(node.getText().slice(1, -1));
}

/** Given to a call, first in a list of words, or called a program. */
function isProgram(node: ts.Node): boolean {
  const { parent } = node;
  if (ts.isCallExpression(parent)) return parent.arguments.some((argument) => argument === node);
  if (ts.isArrayLiteralExpression(parent)) return parent.elements[0] === node;
  return ts.isPropertyAssignment(parent) && ['program', 'command', 'file'].includes(parent.name.getText());
}

/** `process.env`, `process['env']`, `const { env } = process`, `import { env } from 'node:process'`. */
function isMemberOfProcess(node: ts.Node, members: readonly string[]): boolean {
  if (ts.isPropertyAccessExpression(node)) return isProcess(node.expression) && members.includes(node.name.text);
  if (ts.isElementAccessExpression(node)) {
    return isProcess(node.expression) && isText(node.argumentExpression, (text) => members.includes(text));
  }
  if (ts.isImportSpecifier(node)) {
    const { moduleSpecifier } = node.parent.parent.parent;
    return isText(moduleSpecifier, (text) => /^(node:)?process$/.test(text)) && members.includes(nameOf(node));
  }
  if (!ts.isBindingElement(node) || !ts.isVariableDeclaration(node.parent.parent)) return false;
  const { initializer } = node.parent.parent;
  return initializer !== undefined && isProcess(initializer) && members.includes(nameOf(node));
}

const nameOf = (node: ts.ImportSpecifier | ts.BindingElement): string => (node.propertyName ?? node.name).getText();

const isProcess = (node: ts.Node): boolean =>
  (ts.isIdentifier(node) && node.text === 'process') ||
  (ts.isPropertyAccessExpression(node) && node.name.text === 'process');

const isConsole = (node: ts.Node): boolean =>
  ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === 'console';
