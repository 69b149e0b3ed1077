import { createJSONRPCErrorResponse, JSONRPCClient, type JSONRPCResponse } from 'json-rpc-2.0';
import type { Channel } from './channel.ts';
import { callTimedOut, ConnectionClosedError, RpcError } from './errors.ts';
import { LineReader } from './framing.ts';
import { maxAnswerBytes } from './limits.ts';
import { isObject, notification, parseLine } from './message.ts';
import { StreamReader } from './stream-reader.ts';

export interface CallOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** The asking side of a connection: any number of calls and streams at once. */
export class RpcClient {
  readonly #channel: Channel;
  readonly #rpc = new JSONRPCClient((message: unknown) => {
    this.#channel.write(`${JSON.stringify(message)}\n`);
  });
  readonly #lines = new LineReader(maxAnswerBytes);
  /** By the id of the request whose answer will name the stream. */
  readonly #requested = new Map<number, StreamReader>();
  /** By the id of the stream. */
  readonly #open = new Map<string, StreamReader>();
  readonly #closeListeners: (() => void)[] = [];
  #pendingCalls = 0;
  #lastId = 0;
  /** Why nothing can be answered any more. */
  #over: Error | undefined;

  constructor(channel: Channel) {
    this.#channel = channel;
    channel.onData((bytes) => {
      this.#read(bytes);
    });
    channel.onEnd(() => {
      channel.destroy();
    });
    channel.onClose(() => {
      this.#close(new ConnectionClosedError());
      for (const listener of this.#closeListeners.splice(0)) listener();
    });
  }

  onClose(listener: () => void): void {
    this.#closeListeners.push(listener);
  }

  /** What was not answered yet never will be. */
  close(): void {
    this.#channel.destroy();
    this.#close(new ConnectionClosedError());
  }

  call(method: string, params?: unknown, options: CallOptions = {}): Promise<unknown> {
    return this.#request({ id: ++this.#lastId, method, params }, options);
  }

  /** Items as they come; the stream is cancelled when the consumer stops early or `signal` is aborted. */
  async *stream(
    method: string,
    params?: unknown,
    options: Pick<CallOptions, 'signal'> = {},
  ): AsyncGenerator<unknown, void, undefined> {
    const { signal } = options;
    const id = ++this.#lastId;
    const reader = new StreamReader(() => {
      this.#balance();
    });
    const abort = () => {
      reader.fail(signal?.reason);
    };
    this.#requested.set(id, reader);
    try {
      const answer = await this.#request({ id, method, params }, options);
      if (!isStreamAnswer(answer)) throw new TypeError(`${method} does not answer with a stream`);
      signal?.addEventListener('abort', abort);
      if (signal?.aborted === true) abort();
      yield* reader;
    } finally {
      signal?.removeEventListener('abort', abort);
      reader.finish();
      this.#cancel(reader);
    }
  }

  async #request(request: { id: number; method: string; params: unknown }, options: CallOptions): Promise<unknown> {
    options.signal?.throwIfAborted();
    if (this.#over !== undefined) throw this.#over;
    const own: { error?: Error } = {};
    const stopWatching = watchPatience(request.method, options, (reason) => {
      own.error = reason;
      this.#rpc.receive(createJSONRPCErrorResponse(request.id, 0, 'given up'));
    });
    this.#pendingCalls++;
    this.#balance();
    try {
      const response: JSONRPCResponse = await this.#rpc.requestAdvanced({ jsonrpc: '2.0', ...request });
      if (response.error === undefined) return response.result as unknown;
      throw own.error ?? this.#over ?? new RpcError(response.error.code, response.error.message, response.error.data);
    } finally {
      this.#pendingCalls--;
      stopWatching();
    }
  }

  #read(bytes: Uint8Array): void {
    this.#lines.push(bytes);
    try {
      for (let line = this.#lines.next(); line !== undefined; line = this.#lines.next()) {
        this.#receive(parseLine(line), line.length);
      }
    } catch {
      // What cannot be read cannot be skipped either: it may have been the answer somebody waits for.
      this.close();
    }
  }

  #receive(message: unknown, bytes: number): void {
    if (!isObject(message)) return;
    const { method, params, id } = message;
    if (typeof method === 'string') {
      if (isObject(params)) this.#receiveNotification(method, params, bytes);
    } else if (typeof id === 'number') {
      this.#assignStream(id, message['result']);
      this.#rpc.receive(message as unknown as JSONRPCResponse);
    } else if (id === null && isErrorObject(message['error'])) {
      // Refused without a look at its id; the server closes the connection.
      const { code, message: sentence, data } = message['error'];
      this.#close(new RpcError(code, sentence, data));
    }
  }

  #receiveNotification(method: string, params: Record<string, unknown>, bytes: number): void {
    const id = params['stream'];
    const reader = typeof id === 'string' ? this.#open.get(id) : undefined;
    if (reader === undefined) return;
    if (method === 'stream.item') {
      reader.push(params['item'], bytes);
      this.#balance();
    } else if (method === 'stream.end') {
      this.#open.delete(id as string);
      const { error } = params;
      if (isErrorObject(error)) reader.fail(new RpcError(error.code, error.message, error.data));
      else reader.finish();
    }
  }

  /** At once, because the first items may be in the bytes that come next. */
  #assignStream(requestId: number, answer: unknown): void {
    const reader = this.#requested.get(requestId);
    if (reader === undefined) return;
    this.#requested.delete(requestId);
    if (!isStreamAnswer(answer)) return;
    this.#open.set(answer.stream, reader);
    if (reader.isOver) this.#cancel(reader);
  }

  /** Says that nobody reads any more; a stream that is still only requested is cancelled when its answer comes. */
  #cancel(reader: StreamReader): void {
    for (const [id, open] of this.#open) {
      if (open !== reader) continue;
      this.#open.delete(id);
      this.#channel.write(`${notification('stream.cancel', { stream: id })}\n`);
    }
    this.#balance();
  }

  /** Reads on unless a consumer lags; but never keeps back what somebody else on this connection waits for. */
  #balance(): void {
    let lags = false;
    let isAwaited = this.#pendingCalls > 0;
    for (const reader of this.#open.values()) {
      lags ||= reader.lags;
      isAwaited ||= reader.isAwaited;
    }
    if (lags && !isAwaited) this.#channel.pause();
    else this.#channel.resume();
  }

  #close(reason: Error): void {
    this.#over ??= reason;
    this.#rpc.rejectAllPendingRequests(this.#over.message);
    for (const reader of [...this.#requested.values(), ...this.#open.values()]) reader.fail(this.#over);
    this.#requested.clear();
    this.#open.clear();
  }
}

/** Tells when the caller's time is up or its signal aborted, until the returned function is called. */
function watchPatience(method: string, options: CallOptions, giveUp: (reason: Error) => void): () => void {
  const { timeoutMs, signal } = options;
  const timeOut = () => {
    giveUp(callTimedOut(method, timeoutMs ?? 0));
  };
  const abort = () => {
    giveUp(signal?.reason as Error);
  };
  const timer = timeoutMs === undefined ? undefined : setTimeout(timeOut, timeoutMs);
  signal?.addEventListener('abort', abort);
  return () => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  };
}

const isStreamAnswer = (answer: unknown): answer is { stream: string } =>
  isObject(answer) && typeof answer['stream'] === 'string';

const isErrorObject = (error: unknown): error is { code: number; message: string; data?: unknown } =>
  isObject(error) && typeof error['code'] === 'number' && typeof error['message'] === 'string';
