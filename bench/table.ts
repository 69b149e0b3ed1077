import Table from 'cli-table3';
import type { Judgement } from './figure.ts';

/** The judgements for people. */
export function formatTable(judgements: readonly Judgement[]): string {
  const table = new Table({
    head: ['figure', 'wtd', 'against', 'reference', 'result', 'target', 'met'],
    style: { head: [], border: [] },
    colAligns: ['left', 'right', 'left', 'right', 'right', 'right', 'left'],
  });
  for (const judgement of judgements) table.push(formatRow(judgement));
  return table.toString();
}

function formatRow(judgement: Judgement): string[] {
  const { name, against, unit, ours, reference, result, target, isMet } = judgement;
  const [sign, bound] = 'atMost' in target ? ['≤', target.atMost] : ['≥', target.atLeast];
  const resultUnit = { ratio: '×', more: `${unit} more`, value: unit }[judgement.judgedBy];
  return [
    name,
    `${formatNumber(ours)} ${unit}`,
    against,
    `${formatNumber(reference)} ${unit}`,
    `${formatNumber(result)} ${resultUnit}`,
    `${sign} ${bound} ${resultUnit}`,
    isMet ? 'yes' : 'NO',
  ];
}

/** Three digits that count. */
const formatNumber = (value: number): string =>
  Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
