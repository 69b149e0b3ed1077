const { setImmediate: immediate } = globalThis as { setImmediate?: (task: () => void) => unknown };

/** Runs a task when everything else that is ready has had its turn; browsers have no setImmediate. */
export function nextTurn(task: () => void): void {
  if (immediate === undefined) setTimeout(task, 0);
  else immediate(task);
}
