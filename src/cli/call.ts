import type { Handler } from './command.ts';
import type { View } from './format.ts';
import { present } from './present.ts';
import { connectFor, printJson, withProgress, type Session } from './session.ts';
import { requireMethod } from './table.ts';

export const viewOf = ({ cwd, terminal }: Session): View => ({
  cwd,
  nowMs: Date.now(),
  hasColour: terminal.hasColour,
  width: terminal.width,
});

/** Prints what a method answered: unchanged for programs, as text for people. */
export async function printAnswer(method: string, answer: unknown, session: Session): Promise<void> {
  const { terminal, json } = session;
  if (json) await printJson(terminal, answer);
  else await terminal.print(await present(method, answer, viewOf(session)));
}

/** One call, one answer; of a stream every item as it comes. This is all that most commands are. */
export const callMethod: Handler = async ({ command, values }, session) => {
  const { name, stream } = requireMethod(command.method ?? command.name);
  await using client = await connectFor(name, session);
  if (stream) {
    for await (const item of client.rawStream(name, values)) {
      await printAnswer(name, item, session);
      if (session.terminal.isGone) break;
    }
  } else {
    const answer = await withProgress(session.terminal, `wtd ${command.name}`, client.raw(name, values));
    await printAnswer(name, answer, session);
  }
  return 0;
};
