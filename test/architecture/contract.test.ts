import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { errors } from '../../src/contract/errors.ts';
import { methods } from '../../src/contract/index.ts';
import { countLines } from './sizes.ts';
import { parseSource, placeOf, readSources, type Source } from './sources.ts';

const room = 'src/daemon/methods/';
const mostHandlerLines = 12;

/** The values a file exports, by name. */
const listExports = ({ file }: Source): [name: string, node: ts.Node][] =>
  file.statements.flatMap((statement): [string, ts.Node][] => {
    if (ts.isExportDeclaration(statement) && statement.exportClause && ts.isNamedExports(statement.exportClause)) {
      return statement.isTypeOnly ? [] : statement.exportClause.elements.map((element) => [element.name.text, element]);
    }
    const isExported = ts.canHaveModifiers(statement)
      ? ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)
      : false;
    if (!isExported) return [];
    if (ts.isFunctionDeclaration(statement)) return [[statement.name?.text ?? 'default', statement]];
    if (!ts.isVariableStatement(statement)) return [];
    return statement.declarationList.declarations.map((declaration) => [declaration.name.getText(), declaration]);
  });

/** The handlers of a noun's file, by the public name of their method. */
const listHandlers = (sources: readonly Source[]) =>
  sources.flatMap((source) =>
    listExports(source).map(([verb, node]) => ({
      method: `${source.path.slice(room.length, -'.ts'.length)}.${verb}`,
      lines: countLines(node),
      at: placeOf(source, node),
    })),
  );

function checkHandlers(sources: readonly Source[], names: readonly string[]): string[] {
  const handlers = listHandlers(sources);
  const handled = handlers.map(({ method }) => method);
  const fileOf = (method: string) => method.replace(/(.*)\.(.*)/, `${room}$1.ts must export $2`);
  return [
    ...names.filter((name) => !handled.includes(name)).map((name) => `${name} has no handler: ${fileOf(name)}`),
    ...handlers
      .filter(({ method }) => !names.includes(method))
      .map(({ method, at }) => `${at} handles ${method}, which the contract lacks; add it to src/contract or move it`),
    ...handlers
      .filter(({ lines }) => lines > mostHandlerLines)
      .map(({ method, at, lines }) => `${at}: ${method} has ${lines} lines of logic; move them into its service`),
  ];
}

test('every method has one short handler, and every handler a method', () => {
  const sources = readSources(room).filter(({ path }) => path !== `${room}index.ts`);
  expect(checkHandlers(sources, [...methods.keys()])).toEqual([]);
});

describe('the check itself', () => {
  const check = (text: string) => checkHandlers([parseSource(`${room}plan.ts`, text)], ['plan.list', 'plan.stop']);

  test('accepts functions, constants and renamed exports', () => {
    expect(check('export const list = () => 0; export async function stop() {}')).toEqual([]);
    expect(check('const end = 0, list = 0; export { list, end as stop }; export type X = 1;')).toEqual([]);
  });

  test('finds a handler that is missing, unknown or long', () => {
    expect(check(`export const list = () => 0;\nexport function halt() {${'\n'.repeat(12)}}`)).toEqual([
      'plan.stop has no handler: src/daemon/methods/plan.ts must export stop',
      'src/daemon/methods/plan.ts:2 handles plan.halt, which the contract lacks; add it to src/contract or move it',
      'src/daemon/methods/plan.ts:2: plan.halt has 13 lines of logic; move them into its service',
    ]);
  });
});

test('a journey names every method', () => {
  const tests = readSources('test/').filter(({ path }) => path.startsWith('test/journeys/'));
  const text = tests.map(({ file }) => file.text).join('\n');
  const untested = [...methods.keys()].filter((name) => !new RegExp(`\\b${name.replace('.', '\\.')}\\b`).test(text));
  expect(untested, 'no journey names these; write a test of each in test/journeys').toEqual([]);
});

/** Copied by hand from the contract's table of errors: rpc, exit, http. Clients rely on them; never change one. */
const published: Record<string, [rpc: number | null, exit: number, http: number | null]> = {
  PARSE_ERROR: [-32700, 65, 400],
  INVALID_REQUEST: [-32600, 65, 400],
  METHOD_NOT_FOUND: [-32601, 2, 404],
  INVALID_PARAMS: [-32602, 2, 400],
  INTERNAL: [-32603, 70, 500],
  NOT_FOUND: [1001, 3, 404],
  ALREADY_EXISTS: [1002, 4, 409],
  DUPLICATE_RUN: [1003, 5, 409],
  LIMIT_REACHED: [1004, 6, 429],
  DISK_LOW: [1005, 6, 507],
  PORTS_EXHAUSTED: [1006, 6, 503],
  UNSAFE: [1007, 7, 409],
  CONFLICT: [1008, 8, 409],
  BUSY: [1009, 9, 409],
  INVALID_STATE: [1010, 10, 409],
  GIT_FAILED: [1011, 11, 500],
  SPAWN_FAILED: [1012, 12, 500],
  TIMEOUT: [1013, 124, 504],
  UNTRUSTED: [1014, 14, 403],
  AMBIGUOUS: [1015, 15, 409],
  SHUTTING_DOWN: [1016, 75, 503],
  UNAUTHORIZED: [1017, 77, 401],
  UNAVAILABLE: [null, 69, null],
};

test('errors keep the names and numbers that were published', () => {
  const declared = Object.entries(errors).map(([name, { rpc, exit, http }]) => [name, [rpc, exit, http]]);
  expect(Object.fromEntries(declared)).toEqual(published);
});
