/**
 * Starts a process by execa. Where no descriptor is left for its pipes execa stumbles over what Node gives it; then this
 * throws what Node would have said: an error with the code EMFILE.
 */
export function spawning<T>(spawn: () => T): T {
  try {
    return spawn();
  } catch (error) {
    if (!(error instanceof TypeError) || !error.message.includes('stdio is not iterable')) throw error;
    const exhausted = new Error('no file descriptor was left to start a process', { cause: error });
    throw Object.assign(exhausted, { code: 'EMFILE' });
  }
}
