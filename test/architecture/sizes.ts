import ts from 'typescript';
import { nodesOf, placeOf, type Source } from './sources.ts';

const mostFileLines = 300;
const mostFunctionLines = 60;
const mostParameters = 3;

/** One sentence for every file, function and list of parameters that is too long. */
export const checkSizes = (sources: readonly Source[]): string[] =>
  sources.flatMap((source) => [
    ...checkFile(source),
    ...[...nodesOf(source.file)].flatMap((node) => checkFunction(source, node)),
  ]);

function checkFile({ path, file }: Source): string[] {
  const lines = file.text.replace(/\n$/, '').split('\n').length;
  if (lines <= mostFileLines) return [];
  return [`${path} has ${lines} lines, over ${mostFileLines}; it holds two ideas, give the second a file of its own`];
}

function checkFunction(source: Source, node: ts.Node): string[] {
  if (!ts.isFunctionLike(node)) return [];
  const at = placeOf(source, node);
  const lines = countLines(node);
  const parameters = node.parameters.length;
  return [
    lines > mostFunctionLines && `${at} is a function of ${lines} lines, over ${mostFunctionLines}; take its steps out`,
    parameters > mostParameters && `${at} takes ${parameters} parameters, over ${mostParameters}; take an object`,
  ].filter((sentence) => sentence !== false);
}

export function countLines(node: ts.Node): number {
  const lineOf = (position: number) => node.getSourceFile().getLineAndCharacterOfPosition(position).line;
  return lineOf(node.getEnd()) - lineOf(node.getStart()) + 1;
}
