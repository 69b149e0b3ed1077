import json from '../contract/table.json' with { type: 'json' };

/** One parameter of a method or one flag of a command. */
export interface Parameter {
  readonly name: string;
  readonly kind: 'string' | 'integer' | 'number' | 'boolean' | 'array' | 'record';
  readonly required?: boolean;
  /** The parameter is a field of this one, which is an object. */
  readonly field?: string;
  /** It may be null, written `none`. */
  readonly nullable?: boolean;
  /** The values allowed; of an array, those of its elements. */
  readonly enum?: readonly string[];
  readonly description?: string;
  /** A path, made absolute before it is sent. */
  readonly path?: boolean;
  /** A repository's name, or a path when it looks like one. */
  readonly repository?: boolean;
  /** Milliseconds; written as `30s`, and the flag loses its `Ms`. */
  readonly duration?: boolean;
  /** The name of the flag where it differs from the parameter's. */
  readonly flag?: string;
  /** Filled in from the surroundings; it has no flag. */
  readonly cli?: 'cwd' | 'environment';
  /** Of the environment only these variables; default: all. */
  readonly names?: readonly string[];
}

export interface TableMethod {
  readonly name: string;
  readonly summary: string;
  readonly params: readonly Parameter[];
  readonly positional?: readonly string[];
  readonly rest?: string;
  readonly short?: string;
  readonly letters?: Readonly<Record<string, string>>;
  readonly stream?: boolean;
  readonly waits?: boolean;
}

/** What scripts/compile-table.ts makes of the contract. */
export interface Table {
  readonly methods: readonly TableMethod[];
  readonly errors: Readonly<Record<string, { readonly rpc: number | null; readonly exit: number }>>;
}

export const table = json as Table;

const byName = new Map(table.methods.map((method) => [method.name, method]));

export const findMethod = (name: string): TableMethod | undefined => byName.get(name);

export function requireMethod(name: string): TableMethod {
  const method = byName.get(name);
  if (!method) throw new Error(`the table has no method ${name}`);
  return method;
}
