import { pathToFileURL } from 'node:url';

interface Values {
  /** The words that start wtd, the first an absolute path: a program, or Node and a script. */
  program: readonly string[];
  /** The variables that lead the daemon to its home. */
  environment: Readonly<Record<string, string>>;
  /** Absolute path of its socket. */
  socket: string;
  /** Absolute path of the README. */
  readme: string;
}

/** A unit file from its template in systemd/. */
export function renderUnit(template: string, { program, environment, socket, readme }: Values): string {
  const values: Record<string, string> = {
    '@WTD@': program.map(quoteWord).join(' '),
    '@ENVIRONMENT@': Object.entries(environment)
      .map((entry) => quoteWord(entry.join('=')))
      .join(' '),
    '@SOCKET@': escapePercent(socket),
    '@README@': escapePercent(pathToFileURL(readme).href),
  };
  return template
    .split('\n')
    .map((line) => (line.startsWith('#') ? line : line.replace(/@[A-Z]+@/g, (mark) => values[mark] ?? mark)))
    .join('\n');
}

/** One word of a command line, as systemd.syntax(7) and systemd.service(5) read it. */
function quoteWord(word: string): string {
  const escaped = word.replace(/[\\"]/g, '\\$&').replace(/\p{Cc}/gu, escapeControl);
  return `"${escapePercent(escaped)}"`;
}

const escapeControl = (character: string) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;

/** A percent sign would begin a specifier. */
const escapePercent = (text: string) => text.replaceAll('%', '%%');
