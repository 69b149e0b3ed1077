/** What was measured, what it was measured against in the same run, and what it is to reach. */
export interface Figure {
  name: string;
  against: string;
  unit: 'ms' | 'MB' | 'requests/s' | '% of a core';
  ours: number;
  reference: number;
  /** `ratio`: ours by the reference; `more`: ours without the reference; `value`: ours, the reference only shown. */
  judgedBy: 'ratio' | 'more' | 'value';
  target: { atMost: number } | { atLeast: number };
}

export interface Judgement extends Figure {
  result: number;
  isMet: boolean;
}

export function judge(figure: Figure): Judgement {
  const result = resultOf(figure);
  const { target } = figure;
  return { ...figure, result, isMet: 'atMost' in target ? result <= target.atMost : result >= target.atLeast };
}

function resultOf({ judgedBy, ours, reference }: Figure): number {
  switch (judgedBy) {
    case 'ratio':
      return ours / reference;
    case 'more':
      return ours - reference;
    case 'value':
      return ours;
  }
}
