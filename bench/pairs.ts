type Measure = (index: number) => Promise<number>;

interface Pairs {
  ours: number[];
  reference: number[];
}

/** Measures both in turns, each first every other time, so that whatever else the machine does meets both alike. */
export async function measurePairs(
  { count, warmUp = 1 }: { count: number; warmUp?: number },
  { ours, reference }: { ours: Measure; reference: Measure },
): Promise<Pairs> {
  const pairs: Pairs = { ours: [], reference: [] };
  for (let index = 0; index < warmUp + count; index++) {
    const isOursFirst = index % 2 === 0;
    const first = await (isOursFirst ? ours : reference)(index);
    const second = await (isOursFirst ? reference : ours)(index);
    if (index < warmUp) continue;
    pairs.ours.push(isOursFirst ? first : second);
    pairs.reference.push(isOursFirst ? second : first);
  }
  return pairs;
}

/** How long something takes, in ms. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
