import * as z from 'zod';
import { version } from '../base/version.ts';
import { errors } from './errors.ts';
import { methods } from './index.ts';

let document: ReturnType<typeof describeContract> | undefined;

/** The contract as an OpenRPC document (https://spec.open-rpc.org). Its version is that of the program. */
export const openRpcDocument = () => (document ??= describeContract());

/** It takes long, and is always the same. */
function describeContract() {
  return {
    openrpc: '1.3.2',
    info: { title: 'wtd', version, license: { name: 'MIT' } },
    methods: [...methods].map(([name, { summary, params, result, item }]) => ({
      name,
      summary,
      paramStructure: 'by-name',
      params: Object.entries(params.shape).map(([parameter, schema]) => ({
        name: parameter,
        required: !(schema as z.ZodType).safeParse(undefined).success,
        schema: schemaOf(schema as z.ZodType),
      })),
      result: { name: 'result', schema: schemaOf(result) },
      ...(item ? { 'x-stream-item': { name: 'item', schema: schemaOf(item) } } : {}),
    })),
    components: {
      errors: Object.fromEntries(
        Object.entries(errors).flatMap(([name, { rpc, when }]) =>
          rpc === null ? [] : [[name, { code: rpc, message: when }]],
        ),
      ),
    },
  };
}

const schemaOf = (schema: z.ZodType): unknown => z.toJSONSchema(schema, { unrepresentable: 'any', io: 'input' });
