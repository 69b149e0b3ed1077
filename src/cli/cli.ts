import { version } from '../base/version.ts';
import type { Service } from '../contract/service.ts';
import { findCommand, listVerbs, type Invocation } from './command.ts';
import { listCommands } from './commands.ts';
import { exitCodeOf, formatFailure, forCommandLine, toFailure, usageError } from './failure.ts';
import { parseArguments } from './parse.ts';
import { printJson, type Route, type Session } from './session.ts';
import { showHelp } from './show-help.ts';
import { Terminal } from './terminal.ts';

export interface CliOptions {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly streams: Pick<NodeJS.Process, 'stdout' | 'stderr'>;
  readonly route: () => Route;
  readonly service: () => Promise<Service>;
}

/** Does what the command line asks and answers the exit code. */
export async function runCli({ argv, env, cwd, streams, route, service }: CliOptions): Promise<number> {
  const terminal = new Terminal(streams, env);
  const own = argv.slice(0, argv.includes('--') ? argv.indexOf('--') : undefined);
  const session: Session = { cwd, env, terminal, json: own.includes('--json'), route, service };
  try {
    return await obey(argv, session);
  } catch (error) {
    const failure = toFailure(error);
    if (session.json) await printJson(terminal, { error: failure });
    else terminal.say(formatFailure(failure));
    return exitCodeOf(failure);
  }
}

async function obey(argv: readonly string[], session: Session): Promise<number> {
  const commands = listCommands();
  const found = findCommand(commands, argv);
  switch (found.kind) {
    case 'top':
      return argv.includes('--version') || argv.includes('-V') ? showVersion(session) : showHelp(commands, [], session);
    case 'group':
      if (argv.includes('--help') || argv.includes('-h')) return showHelp(commands, [found.noun], session);
      throw needsVerb(found.noun, listVerbs(commands, found.noun));
    case 'command': {
      const { help, values } = parseArguments(found.command, found.argv, session);
      if (help) return showHelp(commands, found.command.name.split(' '), session);
      return await handle({ command: found.command, values }, session);
    }
  }
}

/** The daemon names what it refuses in words of the socket; here they are those of the command line. */
async function handle(invocation: Invocation, session: Session): Promise<number> {
  const { command } = invocation;
  try {
    return await command.handle(invocation, session);
  } catch (error) {
    throw session.json || command.name === 'rpc' ? error : forCommandLine(error, command.name);
  }
}

const needsVerb = (noun: string, verbs: readonly string[]) =>
  usageError(`${noun} needs a verb: ${verbs.join(', ')}`, `see what they do with: wtd help ${noun}`);

async function showVersion({ terminal, json }: Session): Promise<number> {
  await (json ? printJson(terminal, { version }) : terminal.print(`${version}\n`));
  return 0;
}
