import { RemoteError } from '../../src/client/errors.ts';
import type { ErrorData } from '../../src/contract/errors.ts';
import { methods } from '../../src/contract/index.ts';
import type { Rig } from './rig.ts';

export type Refusal = ErrorData & { message: string };

/** Like rig.refusal, for parameters that no type allows. */
export async function refused(rig: Rig, method: string, params: unknown): Promise<Refusal> {
  await using client = await rig.connect();
  const isStream = methods.get(method)?.item !== undefined;
  try {
    const items: unknown[] = [];
    if (isStream) for await (const item of client.rawStream(method, params)) items.push(item);
    const answer = isStream ? items : await client.raw(method, params);
    throw new Error(`${method} took ${JSON.stringify(params)} and answered ${JSON.stringify(answer)}`);
  } catch (error) {
    if (error instanceof RemoteError) return { ...error.data, message: error.message };
    throw error;
  }
}

/** The parameters that INVALID_PARAMS names, each once. */
export const pathsOf = (refusal: Refusal): string[] => [
  ...new Set(((refusal['issues'] ?? []) as { path: string }[]).map(({ path }) => path)),
];
