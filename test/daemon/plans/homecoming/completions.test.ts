import { expect, test } from 'vitest';
import { WtdError } from '../../../../src/contract/errors.ts';
import { Completions, type Orders } from '../../../../src/daemon/plans/homecoming/completions.ts';
import type { CompletionWish } from '../../../../src/daemon/plans/homecoming/completion.ts';

type Answer = Awaited<ReturnType<Completions['complete']>>;

/** What merging one plan answers: the tests of it are the journeys. */
const answerFor = (plan: string, { dryRun = false }: CompletionWish): Answer => {
  const commit = dryRun ? null : `commit of ${plan}`;
  return {
    merged: !dryRun,
    into: 'main',
    commit,
    strategy: 'merge',
    steps: [{ plan, kind: 'merge', detail: `merge ${plan}` }],
    dependants: [{ plan: 'last', state: 'idle', needs: `more than ${plan}` }],
    archive: null,
    plans: [{ plan, state: dryRun ? 'planned' : 'merged', into: 'main', commit, archive: null, error: null }],
    warnings: [],
    pr: null,
  };
};

function build(order: string[], fails: Readonly<Record<string, Error>> = {}) {
  const asked: [plan: string, assumed: string[]][] = [];
  const orders: Orders = {
    of: () =>
      Promise.resolve({
        steps: order.map((plan) => ({ plan })),
        unmergeable: [{ plan: 'odd', reason: 'it conflicts' }],
      }),
  };
  const complete = ({ plan }: { plan: string }, wish: CompletionWish): Promise<Answer> => {
    asked.push([plan, [...(wish.foreseen?.home.keys() ?? [])]]);
    wish.foreseen?.home.set(plan, 'main');
    const failure = fails[plan];
    return failure ? Promise.reject(failure) : Promise.resolve(answerFor(plan, wish));
  };
  return { asked, completions: new Completions({ completion: { complete }, orders }) };
}

const statesOf = ({ plans }: Answer) => plans.map(({ plan, state }) => `${plan} ${state}`);

test('all plans are merged in the order that is recommended', async () => {
  const { completions, asked } = build(['b', 'a']);
  const answer = await completions.complete({ all: true }, {});
  expect(answer).toMatchObject({ merged: true, commit: 'commit of a', into: 'main' });
  expect(statesOf(answer)).toEqual(['b merged', 'a merged']);
  expect(answer.dependants).toEqual([{ plan: 'last', state: 'idle', needs: 'more than a' }]);
  expect(answer.warnings).toEqual(['odd cannot be merged as it is: it conflicts']);
  expect(asked).toEqual([
    ['b', []],
    ['a', []],
  ]);
});

test('the first that fails is the last that is tried', async () => {
  const failure = new WtdError('CONFLICT', 'it conflicts', { hint: 'rebase it' });
  const { completions, asked } = build(['a', 'b', 'c'], { b: failure });
  const answer = await completions.complete({ all: true }, {});
  expect(answer).toMatchObject({ merged: false, commit: 'commit of a' });
  expect(statesOf(answer)).toEqual(['a merged', 'b failed', 'c untried']);
  expect(answer.plans[1]?.error).toEqual({ code: 'CONFLICT', message: 'it conflicts', hint: 'rebase it' });
  expect(asked.map(([plan]) => plan)).toEqual(['a', 'b']);
});

test('a plan that has nothing to merge any more is left out', async () => {
  const gone = new WtdError('INVALID_STATE', 'nothing is left of b', { hint: '', state: 'nothing_to_merge' });
  const { completions } = build(['a', 'b', 'c'], { b: gone });
  const answer = await completions.complete({ all: true }, {});
  expect(statesOf(answer)).toEqual(['a merged', 'c merged']);
  expect(answer.warnings).toContain('nothing is left of b');
});

test('a dry run takes those before as merged', async () => {
  const { completions, asked } = build(['a', 'b']);
  const answer = await completions.complete({ all: true }, { dryRun: true });
  expect(statesOf(answer)).toEqual(['a planned', 'b planned']);
  expect(answer).toMatchObject({ merged: false, commit: null });
  expect(answer.steps.map(({ detail }) => detail)).toEqual(['merge a', 'merge b']);
  expect(asked).toEqual([
    ['a', []],
    ['b', ['a']],
  ]);
});

test('a defect is told as one', async () => {
  const { completions } = build(['a'], { a: new Error('broken') });
  await expect(completions.complete({ all: true }, {})).rejects.toThrow('broken');
});

test('one plan, or all of them, and nothing else', async () => {
  const { completions, asked } = build([]);
  await expect(completions.complete({}, {})).rejects.toMatchObject({ data: { code: 'INVALID_PARAMS' } });
  await expect(completions.complete({ plan: 'a', all: true }, {})).rejects.toMatchObject({
    data: { code: 'INVALID_PARAMS' },
  });
  expect(await completions.complete({ plan: 'a' }, {})).toMatchObject({ merged: true });
  expect(asked).toHaveLength(1);
});
