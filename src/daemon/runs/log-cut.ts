/** What a run's log holds at this moment, in bytes. */
export interface LogExtent {
  sizeBytes: number;
  /** On the disk; less than the size where something was punched out. */
  allocatedBytes: number;
  /** Where the first kept line lies. */
  startBytes: number;
}

/** A log may be longer than its limit by this part of it, so that not every look finds something to do. */
export const slackOf = (limitBytes: number): number => limitBytes / 8;

/**
 * Pure. The offset up to which the oldest output may go, or undefined when nothing is to be done. The last
 * `limitBytes` always stay. A run that is over (`isOver`) keeps no more than that.
 */
export function planCut(extent: LogExtent, limitBytes: number, isOver: boolean): number | undefined {
  const { sizeBytes, startBytes } = extent;
  const keptBytes = sizeBytes - startBytes;
  const isOverlong = keptBytes > limitBytes + (isOver ? 0 : slackOf(limitBytes));
  return isOverlong || isUnpunched(extent, limitBytes) ? Math.max(startBytes, sizeBytes - limitBytes) : undefined;
}

/** Pure. Whether a daemon died after it wrote the start down and before it punched. */
export function isUnpunched({ sizeBytes, allocatedBytes, startBytes }: LogExtent, limitBytes: number): boolean {
  return startBytes > 0 && allocatedBytes > sizeBytes - startBytes + slackOf(limitBytes);
}

/** Pure. Whole blocks only: a part of a block cannot be given back. */
export const wholeBlocks = (bytes: number, blockBytes: number): number => bytes - (bytes % blockBytes);
