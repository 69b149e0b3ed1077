/** Compiles the contract to src/contract/table.json, so that the command line needs no zod. */
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import prettier from 'prettier';
import * as z from 'zod';
import { errors } from '../src/contract/errors.ts';
import { methods } from '../src/contract/index.ts';
import type { Method } from '../src/contract/method.ts';
import type { Parameter, Table, TableMethod } from '../src/cli/table.ts';

interface Schema {
  type?: string;
  enum?: string[];
  items?: Schema;
  anyOf?: Schema[];
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  path?: true;
  repository?: true;
  duration?: true;
  words?: true;
  flag?: string;
  cli?: Parameter['cli'];
}

const kinds = new Map<string, Parameter['kind']>([
  ['string', 'string'],
  ['integer', 'integer'],
  ['number', 'number'],
  ['boolean', 'boolean'],
  ['array', 'array'],
  ['object', 'record'],
]);

/** An object's fields are parameters of their own on the command line. */
function compileParameters(key: string, schema: Schema, isRequired: boolean): Parameter[] {
  const choices = schema.anyOf?.filter(({ type }) => type !== 'null') ?? [];
  // One that may also be null is an object still; one that may be something else is given as that.
  const { properties, required = [], cli } = { ...(choices.length === 1 && choices[0]), ...schema };
  if (!properties || cli !== undefined) return [compileParameter(key, schema, isRequired)];
  return Object.entries(properties).map(([name, field]) => ({
    ...compileParameter(name, field, isRequired && required.includes(name)),
    field: key,
  }));
}

function compileParameter(name: string, given: Schema, isRequired: boolean): Parameter {
  const isNullable = given.anyOf?.some(({ type }) => type === 'null') ?? false;
  const schema = { ...given.anyOf?.find(({ type }) => type !== 'null'), ...given };
  const kind = kinds.get(schema.type ?? '');
  const isPlain =
    kind === 'array' ? schema.items?.type === 'string' || schema.words : kind !== 'record' || schema.cli !== undefined;
  if (!kind || !isPlain) throw new Error(`the command line has no way to give the parameter ${name}`);
  const values = schema.enum ?? schema.items?.enum;
  const { path, repository, duration, flag, cli, description } = schema;
  return {
    name,
    kind,
    ...(isRequired && { required: true }),
    ...(isNullable && { nullable: true }),
    ...(values && { enum: values }),
    ...(description && { description }),
    ...(path && { path }),
    ...(repository && { repository }),
    ...(duration && { duration }),
    ...(flag && { flag }),
    ...(cli && { cli }),
    ...(cli === 'environment' && schema.properties && { names: Object.keys(schema.properties) }),
  };
}

function compileMethod(name: string, method: Method<z.ZodObject, z.ZodType, z.ZodType | undefined>): TableMethod {
  const { properties = {}, required = [] } = z.toJSONSchema(method.params, { io: 'input' }) as Schema;
  const { positional, rest, short, letters } = method.cli;
  return {
    name,
    summary: method.summary,
    params: Object.entries(properties).flatMap(([key, schema]) =>
      compileParameters(key, schema, required.includes(key)),
    ),
    ...(positional && { positional }),
    ...(rest && { rest }),
    ...(short && { short }),
    ...(letters && { letters }),
    ...(method.item && { stream: true }),
    ...(method.waits && { waits: true }),
  };
}

/** Whoever loads the modules decides in which order a module's exports come. */
const byName = (a: TableMethod, b: TableMethod): number => (a.name < b.name ? -1 : 1);

export function compileTable(): Table {
  return {
    methods: [...methods].map(([name, method]) => compileMethod(name, method)).sort(byName),
    errors: Object.fromEntries(Object.entries(errors).map(([name, { rpc, exit }]) => [name, { rpc, exit }])),
  };
}

export async function writeTable(): Promise<void> {
  const path = fileURLToPath(new URL('../src/contract/table.json', import.meta.url));
  const settings = await prettier.resolveConfig(path);
  await writeFile(path, await prettier.format(JSON.stringify(compileTable()), { ...settings, filepath: path }));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeTable();
