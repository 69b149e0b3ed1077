/** What a daemon said when it could not start. */
export interface Complaint {
  readonly message: string;
  readonly hint?: string;
}

const longestMessage = 4096;

/**
 * Reads what daemons wrote that several clients started at once: `wtd: <message>` and below it an indented hint. The
 * last one counts, for a daemon speaks just before it ends. Anything else, such as a stack, is told as it stands.
 */
export function parseComplaint(text: string): Complaint | undefined {
  const [stray = '', ...complaints] = text.split(/^wtd: /m);
  const said = (complaints.at(-1) ?? stray).trim();
  if (said === '') return undefined;
  if (complaints.length === 0) return { message: said.slice(0, longestMessage) };
  const [, message = said, hint] = /^(.*)\n {2}(\S.*)$/s.exec(said) ?? [];
  return { message: message.trim().slice(0, longestMessage), ...(hint !== undefined && { hint: hint.trim() }) };
}
