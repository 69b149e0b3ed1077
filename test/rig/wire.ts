import { expect } from 'vitest';
import { errors, type ErrorName } from '../../src/contract/errors.ts';
import type { RawConnection } from './raw-connection.ts';

/** The answer that refuses, as the specification spells it. */
export const failure = (id: unknown, name: ErrorName) => ({
  jsonrpc: '2.0',
  id,
  error: {
    code: errors[name].rpc,
    message: expect.any(String) as unknown,
    data: expect.objectContaining({ code: name, hint: expect.any(String) as unknown }) as unknown,
  },
});

/** Nothing came back for what was sent before: requests of one connection that ask nothing of git are answered in order. */
export async function expectSilence(connection: RawConnection): Promise<void> {
  connection.send('{"jsonrpc":"2.0","id":"after","method":"event.list","params":{"limit":1}}\n');
  expect(await connection.next()).toMatchObject({ id: 'after', result: { events: expect.any(Array) as unknown } });
}
