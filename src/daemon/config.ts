import { readFile } from 'node:fs/promises';
import { validate as isCronExpression } from 'node-cron';
import type { z } from 'zod';
import { WtdError } from '../contract/errors.ts';
import { allowedKeys, configSchema, type Config } from './config-schema.ts';

interface Loaded {
  config: Config;
  sources: string[];
}

/** The configuration in effect; `reload` replaces it whole or not at all. */
export class Configuration {
  readonly #file: string;
  #loaded: Loaded;

  private constructor(file: string, loaded: Loaded) {
    this.#file = file;
    this.#loaded = loaded;
  }

  static async load(file: string): Promise<Configuration> {
    return new Configuration(file, await loadFile(file));
  }

  get current(): Config {
    return this.#loaded.config;
  }

  get sources(): string[] {
    return this.#loaded.sources;
  }

  async reload(): Promise<void> {
    this.#loaded = await loadFile(this.#file);
  }
}

async function loadFile(file: string): Promise<Loaded> {
  try {
    return { config: await parseConfig(await readFile(file, 'utf8'), file), sources: ['defaults', file] };
  } catch (error) {
    if (error instanceof WtdError) throw error;
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return { config: check({}, file), sources: ['defaults'] };
    }
    throw invalid(file, [`cannot be read: ${(error as Error).message}`]);
  }
}

/** Throws INVALID_PARAMS that names the file, the key and the allowed values. */
async function parseConfig(text: string, file: string): Promise<Config> {
  // Imported late: without a file nobody needs it.
  const { parseDocument } = await import('yaml');
  const document = parseDocument(text);
  const [first] = document.errors;
  if (first) throw invalid(file, [first.message.trim()]);
  return check(document.toJS() ?? {}, file);
}

function check(value: unknown, file: string): Config {
  const parsed = configSchema.safeParse(value);
  if (!parsed.success) throw invalid(file, parsed.error.issues.map(describeIssue));
  const problems = contradictions(parsed.data);
  if (problems.length > 0) throw invalid(file, problems);
  return parsed.data;
}

function contradictions({ ports, schedule }: Config): string[] {
  const problems: string[] = [];
  if (ports.base + ports.range_size - 1 > ports.last) {
    problems.push('ports.last: must leave room for at least one range of ports.range_size after ports.base');
  }
  for (const key of ['cleanup', 'reconcile'] as const) {
    if (!isCronExpression(schedule[key]))
      problems.push(`schedule.${key}: must be a cron expression such as "0 * * * *"`);
  }
  if (schedule.timezone !== 'local' && !Intl.supportedValuesOf('timeZone').concat('UTC').includes(schedule.timezone)) {
    problems.push('schedule.timezone: must be "local" or an IANA name such as Europe/Berlin');
  }
  return problems;
}

function describeIssue(issue: z.core.$ZodIssue): string {
  const place = issue.path.join('.') || 'the file';
  if (issue.code !== 'unrecognized_keys') return `${place}: ${issue.message}`;
  const unknown = issue.keys.map((key) => [...issue.path, key].join('.'));
  return `unknown key ${unknown.join(', ')} (allowed here: ${allowedKeys(issue.path).join(', ')})`;
}

function invalid(file: string, problems: string[]): WtdError {
  return new WtdError('INVALID_PARAMS', `the configuration ${file} is not valid: ${problems.join('; ')}`, {
    hint: `mend ${file}, then run \`wtd daemon reload\` (or start wtd again)`,
    issues: problems.map((message) => ({ path: file, message })),
  });
}
