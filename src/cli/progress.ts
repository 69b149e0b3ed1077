import type { Client } from '../client/client.ts';
import type { Params } from '../contract/index.ts';
import { printAnswer } from './call.ts';
import type { Handler } from './command.ts';
import { usageError } from './failure.ts';
import { connectFor, withProgress } from './session.ts';

/** `wtd plan progress login 1.1=completed`; without the name it is the plan one is in, as a run would say it. */
export const reportProgress: Handler = async ({ values: { tasks, note, plan, env, ...address } }, session) => {
  const words = tasks as readonly string[];
  const [first = ''] = words;
  const name = plan ?? (first.includes('=') ? undefined : first);
  const reports = words.slice(name === first ? 1 : 0).map((word) => readReport(word, note));
  if (reports.length === 0) throw usageError('plan progress needs tasks', howToReport);
  await using client = await connectFor('plan.progress', session);
  const report = async () => {
    const target = name === undefined ? await findCurrent(client, { cwd: address['cwd'], env }) : { plan: name };
    return client.call('plan.progress', { ...address, ...target, tasks: reports } as Params<'plan.progress'>);
  };
  await printAnswer('plan.progress', await withProgress(session.terminal, 'reporting', report()), session);
  return 0;
};

async function findCurrent(
  client: Client,
  whereabouts: Record<string, unknown>,
): Promise<{ plan: string; repository: string }> {
  const { name: plan, repository } = await client.call('plan.current', whereabouts);
  return { plan, repository };
}

function readReport(word: string, note: unknown): Record<string, unknown> {
  const { id, status } = /^(?<id>[^=]+)=(?<status>[^=]+)$/.exec(word)?.groups ?? {};
  if (!id || !status) throw usageError(`"${word}" does not say how a task is`, howToReport);
  return { id, status, ...(note !== undefined && { note }) };
}

const howToReport = 'write <id>=<status>, as in: wtd plan progress login 1.1=completed 1.2=in_progress';
