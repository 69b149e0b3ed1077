import {
  createJSONRPCErrorResponse,
  createJSONRPCSuccessResponse,
  JSONRPCServer,
  type JSONRPCErrorResponse,
  type JSONRPCID,
  type JSONRPCRequest,
  type JSONRPCResponse,
} from 'json-rpc-2.0';
import { internalError, limitReached, methodNotFound, positionalParams, RpcError } from './errors.ts';
import { maxCallsInFlight, maxWaits } from './limits.ts';
import { isObject, readRequest } from './message.ts';
import type { OpenStream, OpenStreams } from './open-streams.ts';
import type { Connection, Handler } from './server.ts';
import { StreamSource } from './stream-source.ts';

interface Surroundings {
  handler: Handler;
  connection: Connection;
  streams: OpenStreams;
  report(error: unknown): void;
  /** There is room for another call. */
  onRoom: () => void;
}

/** From one message of a connection to its answer; json-rpc-2.0 between a strict front and errors without secrets. */
export class Calls {
  readonly #surroundings: Surroundings;
  readonly #rpc: JSONRPCServer<OpenStream[]>;
  #inFlight = 0;
  #waits = 0;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
    this.#rpc = new JSONRPCServer<OpenStream[]>({
      errorListener: (_message, error) => {
        if (!(error instanceof RpcError)) surroundings.report(error);
      },
    });
    this.#rpc.mapErrorToJSONRPCErrorResponse = refusal;
    this.#rpc.applyMiddleware(async (_next, request, announced) => {
      const result = await this.#call(request, announced);
      return request.id === undefined ? null : createJSONRPCSuccessResponse(request.id, result);
    });
  }

  get areFull(): boolean {
    return this.#inFlight >= maxCallsInFlight;
  }

  /** The answer as JSON, null for a notification; the streams it names are added to `announced`. */
  async answer(message: unknown, announced: OpenStream[]): Promise<string | null> {
    const request = readRequest(message);
    if ('refusal' in request) return JSON.stringify(refusal(request.id, request.refusal));
    const response = await this.#rpc.receive(request, announced);
    return response === null ? null : this.#encode(response);
  }

  async #call(request: JSONRPCRequest, announced: OpenStream[]): Promise<unknown> {
    const { handler, streams } = this.#surroundings;
    const { method } = request;
    const params: unknown = request.params ?? {};
    if (method === 'stream.cancel') {
      if (isObject(params)) streams.cancel(params['stream']);
      return {};
    }
    if (!handler.has(method)) throw methodNotFound(method);
    if (!isObject(params)) throw positionalParams();
    const result = await (handler.waits(method) ? this.#wait(method, params) : this.#count(method, params));
    if (!(result instanceof StreamSource)) return result;
    if (request.id === undefined) return null;
    const stream = streams.announce(result as StreamSource<unknown>);
    announced.push(stream);
    return { stream: stream.id };
  }

  async #count(method: string, params: Record<string, unknown>): Promise<unknown> {
    const { handler, connection, onRoom } = this.#surroundings;
    this.#inFlight++;
    try {
      return await handler.call(method, params, connection);
    } finally {
      this.#inFlight--;
      if (this.#inFlight === maxCallsInFlight - 1) onRoom();
    }
  }

  async #wait(method: string, params: Record<string, unknown>): Promise<unknown> {
    const { handler, connection } = this.#surroundings;
    if (this.#waits >= maxWaits) throw limitReached('calls that wait on this connection', maxWaits);
    this.#waits++;
    try {
      return await handler.call(method, params, connection);
    } finally {
      this.#waits--;
    }
  }

  #encode(response: JSONRPCResponse): string {
    try {
      return JSON.stringify(response);
    } catch (error) {
      this.#surroundings.report(error);
      return JSON.stringify(refusal(response.id, internalError()));
    }
  }
}

/** Only what was thrown on purpose is told to the other side. */
export function refusal(id: JSONRPCID, error: unknown): JSONRPCErrorResponse {
  const { code, message, data } = error instanceof RpcError ? error : internalError();
  return createJSONRPCErrorResponse(id, code, message, data);
}
