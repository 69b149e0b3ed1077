import type * as z from 'zod';
import { WtdError } from '../contract/errors.ts';
import { allowedKeys } from './config-schema.ts';

/** A file of settings, and what to do when something in it is wrong. */
export interface Source {
  file: string;
  hint: string;
}

/** JSON is YAML, too. Throws INVALID_PARAMS that names the file and the line. */
export async function parseYaml(text: string, source: Source): Promise<unknown> {
  // Imported late: without a file nobody needs it.
  const { parseDocument } = await import('yaml');
  const document = parseDocument(text);
  const [first] = document.errors;
  if (first) throw invalidFile(source, [first.message.trim()]);
  try {
    return document.toJS() ?? {};
  } catch (error) {
    throw invalidFile(source, [(error as Error).message]); // such as aliases that would grow without end
  }
}

/** Throws INVALID_PARAMS that names the file, the key and the allowed values. */
export function checkKeys(schema: z.ZodType, value: unknown, source: Source): unknown {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalidFile(
    source,
    parsed.error.issues.map((issue) => describeIssue(schema, issue)),
  );
}

function describeIssue(schema: z.ZodType, issue: z.core.$ZodIssue): string {
  const place = issue.path.join('.') || 'the file';
  if (issue.code !== 'unrecognized_keys') return `${place}: ${issue.message}`;
  const unknown = issue.keys.map((key) => [...issue.path, key].join('.'));
  return `unknown key ${unknown.join(', ')} (allowed here: ${allowedKeys(schema, issue.path).join(', ')})`;
}

export const invalidFile = ({ file, hint }: Source, problems: string[]): WtdError =>
  new WtdError('INVALID_PARAMS', `the configuration ${file} is not valid: ${problems.join('; ')}`, {
    hint,
    issues: problems.map((message) => ({ path: file, message })),
  });
