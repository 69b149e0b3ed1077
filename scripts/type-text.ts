import * as z from 'zod';
import * as models from '../src/contract/models.ts';

/** The part of JSON Schema that the contract uses. */
interface Schema {
  $ref?: string;
  type?: string | readonly string[];
  const?: unknown;
  enum?: readonly unknown[];
  anyOf?: readonly Schema[];
  items?: Schema;
  properties?: Readonly<Record<string, Schema>>;
  required?: readonly string[];
  additionalProperties?: Schema | boolean;
}

/** The models that have a name of their own in the documentation. */
export const namedModels = {
  Event: models.event,
  Plan: models.plan,
  PortRange: models.portRange,
  Repository: models.repository,
  Run: models.run,
  Snapshot: models.snapshot,
  Worktree: models.worktree,
} as const;

const names = z.registry<{ id: string }>();
for (const [id, model] of Object.entries(namedModels)) names.add(model, { id });

const toSchema = (type: z.ZodType): Schema =>
  z.toJSONSchema(type, { metadata: names, io: 'input', unrepresentable: 'any' }) as Schema;

/** A type in TypeScript's notation; the models of the contract appear by their name. */
export const typeText = (type: z.ZodType): string => render(toSchema(type), '');

/** A model itself, not its name. */
export function modelText(name: keyof typeof namedModels): string {
  const schema = z.toJSONSchema(z.object({ model: namedModels[name] }), { metadata: names, io: 'input' });
  return render((schema.$defs?.[name] ?? {}) as Schema, '');
}

function render(schema: Schema, indent: string): string {
  if (schema.$ref !== undefined) return schema.$ref.replace('#/$defs/', '');
  if (schema.anyOf) return schema.anyOf.map((one) => render(one, indent)).join(' | ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (schema.type === 'array') return renderArray(schema.items ?? {}, indent);
  if (schema.type === 'object') return renderObject(schema, indent);
  return [schema.type ?? 'anything'].flat().join(' | ');
}

function renderArray(items: Schema, indent: string): string {
  const text = render(items, indent);
  return text.includes(' | ') && !text.startsWith('{') ? `(${text})[]` : `${text}[]`;
}

function renderObject({ properties = {}, required = [], additionalProperties }: Schema, indent: string): string {
  const deeper = `${indent}  `;
  const lines = Object.entries(properties).map(
    ([name, schema]) => `${deeper}${name}${required.includes(name) ? '' : '?'}: ${render(schema, deeper)};\n`,
  );
  const isOpen = typeof additionalProperties === 'object';
  if (lines.length === 0) return isOpen ? `{ [name]: ${render(additionalProperties, indent)} }` : '{}';
  const rest = isOpen ? [`${deeper}[more]: ${render(additionalProperties, deeper)};\n`] : [];
  return `{\n${[...lines, ...rest].join('')}${indent}}`;
}
