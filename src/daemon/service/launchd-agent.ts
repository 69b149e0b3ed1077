interface Values {
  /** The words that start wtd, the first an absolute path: a program, or Node and a script. */
  program: readonly string[];
  /** Absolute path of the directory that it serves. */
  home: string;
  /** Absolute path of the file that takes what the daemon cannot write to its own log. */
  log: string;
}

/** A launchd agent's property list from its template in launchd/. */
export function renderAgent(template: string, { program, home, log }: Values): string {
  const values: Record<string, readonly string[]> = { '@WTD@': program, '@HOME@': [home], '@LOG@': [log] };
  return template.replace(/<string>(@[A-Z]+@)<\/string>/g, (element, mark: string) => {
    const strings = values[mark]?.map((text) => `<string>${escapeXml(text)}</string>`);
    return strings?.join('\n    ') ?? element;
  });
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

const escapeXml = (text: string) => text.replace(/[&<>]/g, (character) => entities[character] ?? character);
