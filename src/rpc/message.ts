import { createJSONRPCNotification, type JSONRPCID, type JSONRPCRequest } from 'json-rpc-2.0';
import { invalidRequest, type RpcError } from './errors.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const blank = /^[ \t\r]*$/;

/** The JSON value of a line, undefined for a blank one; throws on broken UTF-8 and broken JSON. */
export function parseLine(line: Uint8Array): unknown {
  const text = utf8.decode(line);
  return blank.test(text) ? undefined : (JSON.parse(text) as unknown);
}

/** What json-rpc-2.0 does not check: a request with nothing but the members it may have, or what is wrong with it. */
export function readRequest(message: unknown): JSONRPCRequest | { id: JSONRPCID; refusal: RpcError } {
  if (!isObject(message)) return { id: null, refusal: invalidRequest() };
  const { id, jsonrpc, method, params } = message as Record<'id' | 'jsonrpc' | 'method' | 'params', unknown>;
  if (id !== undefined && !isId(id)) return { id: null, refusal: invalidRequest() };
  if (jsonrpc !== '2.0' || typeof method !== 'string' || !isStructured(params)) {
    return { id: id ?? null, refusal: invalidRequest() };
  }
  const request: JSONRPCRequest = { jsonrpc, method, params };
  if (id !== undefined) request.id = id;
  return request;
}

export const notification = (method: string, params: object): string =>
  JSON.stringify(createJSONRPCNotification(method, params));

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A number too great for JSON.parse becomes Infinity, which could not be sent back. */
const isId = (value: unknown): value is JSONRPCID =>
  typeof value === 'string' || value === null || (typeof value === 'number' && Number.isFinite(value));

const isStructured = (params: unknown) => params === undefined || (typeof params === 'object' && params !== null);
