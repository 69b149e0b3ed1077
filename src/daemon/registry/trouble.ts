/** Busy, full or unwritable: it may pass. Anything else is a defect, and repeating it mends nothing. */
export function isPassingTrouble(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' && code.startsWith('SQLITE_') && !code.startsWith('SQLITE_CONSTRAINT');
}
