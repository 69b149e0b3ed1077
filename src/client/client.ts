import type { ErrorData } from '../contract/errors.ts';
import type { MethodName, Params, Result, StreamName } from '../contract/index.ts';
import type { Channel } from '../rpc/channel.ts';
import { RpcClient, type CallOptions } from '../rpc/client.ts';
import { ConnectionClosedError, RpcError } from '../rpc/errors.ts';
import { RemoteError, UnavailableError } from './errors.ts';

type StreamOptions = Pick<CallOptions, 'signal'>;

/** Everything wtd can do, over one connection. Errors are RemoteError or UnavailableError. */
export interface Client extends AsyncDisposable {
  call<M extends MethodName>(method: M, params: Params<M>, options?: CallOptions): Promise<Result<M>>;
  stream<M extends StreamName>(method: M, params: Params<M>, options?: StreamOptions): AsyncIterable<Result<M>>;
  /** Any method with any parameters; the daemon judges them. */
  raw(method: string, params: unknown, options?: CallOptions): Promise<unknown>;
  rawStream(method: string, params: unknown, options?: StreamOptions): AsyncIterable<unknown>;
  /** Fulfilled when the connection has ended, whoever ended it. */
  readonly closed: Promise<void>;
}

export function createClient(channel: Channel): Client {
  const rpc = new RpcClient(channel);
  const closed = new Promise<void>((resolve) => {
    rpc.onClose(resolve);
  });
  return {
    closed,
    call: (method, params, options) => answered(rpc.call(method, params, options), toTypedError),
    stream: (method, params, options) => streamed(rpc.stream(method, params, options), toTypedError),
    raw: (method, params, options) => answered(rpc.call(method, params, options), toClientError),
    rawStream: (method, params, options) => streamed(rpc.stream(method, params, options), toClientError),
    async [Symbol.asyncDispose]() {
      rpc.close();
      await closed;
    },
  };
}

/** The daemon is trusted to answer what the contract says. */
async function answered<T>(answer: Promise<unknown>, toError: (error: unknown) => unknown): Promise<T> {
  try {
    return (await answer) as T;
  } catch (error) {
    throw toError(error);
  }
}

async function* streamed<T>(items: AsyncIterable<unknown>, toError: (error: unknown) => unknown): AsyncGenerator<T> {
  try {
    for await (const item of items) yield item as T;
  } catch (error) {
    throw toError(error);
  }
}

function toClientError(error: unknown): unknown {
  if (error instanceof RpcError) return new RemoteError(error.code, error.message, toErrorData(error.data));
  if (error instanceof ConnectionClosedError) {
    return new UnavailableError(
      'the daemon ended the connection before it answered',
      'see with `wtd status` whether it is there, then try again',
    );
  }
  return error;
}

function toErrorData(data: unknown): ErrorData {
  const { code, hint } = (data ?? {}) as Partial<ErrorData>;
  if (typeof code === 'string' && typeof hint === 'string') return data as ErrorData;
  return { code: 'INTERNAL', hint: 'what answers on this socket is no wtd daemon, or of another version', data };
}

/** A typed call is only made of what this client's contract has: a daemon that does not know it is of another version. */
function toTypedError(cause: unknown): unknown {
  const error = toClientError(cause);
  if (!(error instanceof RemoteError) || error.data.code !== 'METHOD_NOT_FOUND') return error;
  const hint = 'the daemon is of another version than this client: end it with `wtd shutdown` and try again';
  return new RemoteError(error.code, error.message, { ...error.data, hint });
}
