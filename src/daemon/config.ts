import { readFile } from 'node:fs/promises';
import { validate as isCronExpression } from 'node-cron';
import { WtdError } from '../contract/errors.ts';
import { checkKeys, invalidFile, parseYaml } from './config-file.ts';
import { configSchema, type Config } from './config-schema.ts';
import { parseOwn, parseWorkflow } from './repository-config.ts';

interface Loaded {
  config: Config;
  sources: string[];
}

/** The configuration in effect; `reload` replaces it whole or not at all. */
export class Configuration {
  /** A repository's own files, which say more above this. */
  readonly parseOwn = parseOwn;
  readonly parseWorkflow = parseWorkflow;
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

const parseConfig = async (text: string, file: string): Promise<Config> =>
  check(await parseYaml(text, { file, hint: reloadHint(file) }), file);

function check(value: unknown, file: string): Config {
  const config = checkKeys(configSchema, value, { file, hint: reloadHint(file) }) as Config;
  const problems = contradictions(config);
  if (problems.length > 0) throw invalid(file, problems);
  return config;
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

const invalid = (file: string, problems: string[]): WtdError => invalidFile({ file, hint: reloadHint(file) }, problems);

const reloadHint = (file: string): string => `mend ${file}, then run \`wtd daemon reload\` (or start wtd again)`;
