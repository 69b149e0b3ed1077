/** Every refusal wtd knows: its JSON-RPC code, the client's exit code, its HTTP status and when it happens. */
export const errors = {
  PARSE_ERROR: { rpc: -32700, exit: 65, http: 400, when: 'The line is not JSON.' },
  INVALID_REQUEST: { rpc: -32600, exit: 65, http: 400, when: 'The message is not a JSON-RPC 2.0 request.' },
  METHOD_NOT_FOUND: { rpc: -32601, exit: 2, http: 404, when: 'There is no such method.' },
  INVALID_PARAMS: { rpc: -32602, exit: 2, http: 400, when: 'A parameter is missing, unknown or out of range.' },
  INTERNAL: { rpc: -32603, exit: 70, http: 500, when: 'A defect; the id finds it in the log.' },
  NOT_FOUND: { rpc: 1001, exit: 3, http: 404, when: 'What was named does not exist.' },
  ALREADY_EXISTS: { rpc: 1002, exit: 4, http: 409, when: 'The name or the path is taken.' },
  DUPLICATE_RUN: { rpc: 1003, exit: 5, http: 409, when: 'The plan has an active run.' },
  LIMIT_REACHED: { rpc: 1004, exit: 6, http: 429, when: 'A configured limit is reached.' },
  DISK_LOW: { rpc: 1005, exit: 6, http: 507, when: 'Too little disk space is free.' },
  PORTS_EXHAUSTED: { rpc: 1006, exit: 6, http: 503, when: 'No port range is free.' },
  UNSAFE: { rpc: 1007, exit: 7, http: 409, when: 'Work would be lost.' },
  CONFLICT: { rpc: 1008, exit: 8, http: 409, when: 'A merge or rebase would conflict.' },
  BUSY: { rpc: 1009, exit: 9, http: 409, when: 'Somebody else holds it.' },
  INVALID_STATE: { rpc: 1010, exit: 10, http: 409, when: 'The state does not allow it.' },
  GIT_FAILED: { rpc: 1011, exit: 11, http: 500, when: 'A git command failed.' },
  SPAWN_FAILED: { rpc: 1012, exit: 12, http: 500, when: 'The command could not be started.' },
  TIMEOUT: { rpc: 1013, exit: 124, http: 504, when: 'The time given for it ran out.' },
  UNTRUSTED: { rpc: 1014, exit: 14, http: 403, when: "The repository's own commands have not been trusted." },
  AMBIGUOUS: { rpc: 1015, exit: 15, http: 409, when: 'Several things fit.' },
  SHUTTING_DOWN: { rpc: 1016, exit: 75, http: 503, when: 'The daemon is about to end.' },
  UNAUTHORIZED: { rpc: 1017, exit: 77, http: 401, when: 'The caller may not do this.' },
  UNAVAILABLE: { rpc: null, exit: 69, http: null, when: 'The client found no daemon and may not start one.' },
} as const satisfies Record<string, { rpc: number | null; exit: number; http: number | null; when: string }>;

export type ErrorName = keyof typeof errors;

/** What `error.data` carries on the wire: the name, what to do next, and details of that kind of error. */
export interface ErrorData {
  code: ErrorName;
  hint: string;
  [detail: string]: unknown;
}

/** A refusal on purpose. Everything else that is thrown is a defect and becomes INTERNAL. */
export class WtdError extends Error {
  override readonly name = 'WtdError';
  readonly data: ErrorData;

  constructor(code: ErrorName, message: string, data: { hint: string; [detail: string]: unknown }) {
    super(message);
    this.data = { code, ...data };
  }

  get code(): ErrorName {
    return this.data.code;
  }
}

export const shuttingDown = (): WtdError =>
  new WtdError('SHUTTING_DOWN', 'the daemon is about to end', { hint: 'try again; the next call starts a new daemon' });

/** A defect, of which only the log tells more, under its id. */
export const internal = (id: string): WtdError =>
  new WtdError('INTERNAL', `something went wrong inside wtd (${id})`, {
    hint: `find ${id} in the daemon's log, and report it`,
    id,
  });
