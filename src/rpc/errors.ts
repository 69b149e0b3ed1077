/** An error that is meant for the other side. */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  readonly code: number;
  readonly data?: unknown;

  constructor(code: number, message: string, data?: unknown) {
    super(message);
    this.code = code;
    if (data !== undefined) this.data = data;
  }

  /** The `error` member of an answer. */
  toJSON(): { code: number; message: string; data?: unknown } {
    return { code: this.code, message: this.message, data: this.data };
  }
}

/** The connection ended before the answer came. */
export class ConnectionClosedError extends Error {
  override readonly name = 'ConnectionClosedError';

  constructor() {
    super('the connection was closed');
  }
}

export const parseError = (): RpcError =>
  new RpcError(-32700, 'Parse error', {
    code: 'PARSE_ERROR',
    hint: 'Send one JSON document in UTF-8 on each line, ended by "\\n".',
  });

export const invalidRequest = (
  hint = 'Send {"jsonrpc":"2.0","id":1,"method":"rpc.discover"}; "id" is a string, a number or null, "params" an object.',
): RpcError => new RpcError(-32600, 'Invalid Request', { code: 'INVALID_REQUEST', hint });

export const methodNotFound = (method: string): RpcError =>
  new RpcError(-32601, 'Method not found', {
    code: 'METHOD_NOT_FOUND',
    hint: 'The method rpc.discover lists every method.',
    method: method.slice(0, 200),
  });

export const positionalParams = (): RpcError =>
  new RpcError(-32602, 'Invalid params', {
    code: 'INVALID_PARAMS',
    hint: 'Give the parameters by name, as an object.',
    issues: [{ path: '', message: 'must be an object' }],
  });

export const internalError = (): RpcError =>
  new RpcError(-32603, 'Internal error', {
    code: 'INTERNAL',
    hint: 'This is a defect of the daemon; its log says more.',
  });

export const limitReached = (what: string, max: number): RpcError =>
  new RpcError(1004, `There are ${max} ${what} already.`, {
    code: 'LIMIT_REACHED',
    hint: 'End some of them first.',
    limit: what,
    current: max,
    max,
    suggestions: [],
  });

export const fellBehind = (): RpcError =>
  new RpcError(1013, 'The reader of the stream fell too far behind.', {
    code: 'TIMEOUT',
    hint: 'Take the stream up again from the last number you have seen.',
  });

export const callTimedOut = (method: string, timeoutMs: number): RpcError =>
  new RpcError(1013, `${method} was not answered within ${timeoutMs} ms.`, {
    code: 'TIMEOUT',
    hint: 'Give it more time, or see with `wtd status` what the daemon is doing.',
  });
