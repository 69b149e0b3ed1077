import type { ErrorData } from '../contract/errors.ts';

/** A refusal that the daemon answered. */
export class RemoteError extends Error {
  override readonly name = 'RemoteError';
  readonly code: number;
  readonly data: ErrorData;

  constructor(code: number, message: string, data: ErrorData) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

/** No daemon answers, or it went away before it did. */
export class UnavailableError extends Error {
  override readonly name = 'UnavailableError';
  readonly data: ErrorData;

  constructor(message: string, hint: string) {
    super(message);
    this.data = { code: 'UNAVAILABLE', hint };
  }
}
