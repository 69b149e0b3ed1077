import type { MergeStrategy, Progress } from '../../../contract/models.ts';

/** What a merge tells of the plan that it brings home. */
export interface Told {
  plan: string;
  strategy: MergeStrategy;
  /** The heading of its file. */
  title: string | null;
  file: string | null;
  progress: Pick<Progress, 'total' | 'completed' | 'skipped'> | null;
  /** Its last run. */
  run: string | null;
}

const longestSubject = 72;
const longestTrailer = 1000;

/** The message of the commit that a plan becomes. Pure. */
export function completionMessage(told: Told): string {
  const { plan, strategy, progress, run, file } = told;
  const title = told.title === null ? null : oneLine(told.title);
  const isSquash = strategy === 'squash';
  const subject = isSquash ? (title ?? plan) : `Merge plan ${plan}`;
  const paragraphs = [
    shorten(subject, longestSubject),
    ...(title !== null && (!isSquash || title.length > longestSubject) ? [title] : []),
    ...(progress === null ? [] : [describeTasks(progress)]),
    [
      `Plan: ${plan}`,
      ...(file === null ? [] : [`Plan-File: ${shorten(oneLine(file), longestTrailer)}`]),
      ...(run === null ? [] : [`Plan-Run: ${run}`]),
    ].join('\n'),
  ];
  return `${paragraphs.join('\n\n')}\n`;
}

const headingLine = /^# +(?<title>\S.*)$/m;
const longestTitle = 500;

/** The first heading of a Markdown file; null: it has none. Pure. */
export function titleOf(markdown: string): string | null {
  const title = headingLine.exec(markdown)?.groups?.['title'];
  return title === undefined ? null : shorten(oneLine(title), longestTitle);
}

function describeTasks({ total, completed, skipped }: NonNullable<Told['progress']>): string {
  const noun = total === 1 ? 'task' : 'tasks';
  const rest = skipped === 0 ? '' : `, ${skipped} skipped`;
  return `${completed} of ${total} ${noun} completed${rest}.`;
}

const oneLine = (text: string): string => text.replaceAll(/[\p{Cc}\s]+/gu, ' ').trim();

function shorten(text: string, most: number): string {
  const characters = Array.from(text);
  return characters.length > most ? `${characters.slice(0, most - 1).join('')}…` : text;
}
