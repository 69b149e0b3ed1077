import type { Result } from '../contract/index.ts';
import { formatPath, formatValue, paint, plain, type View } from './format.ts';

type Diagnosis = Result<'daemon.doctor'>;
type Finding = Diagnosis['findings'][number];

/** Each finding with what to do, then what the machine can do. */
export function formatDiagnosis({ findings, facts }: Diagnosis, view: View): string {
  const { memory, cpu, tasks } = facts.enforces;
  const known = {
    executor: facts.executor,
    limits: `memory ${memory}, cpu ${cpu}, tasks ${tasks}`,
    service: facts.service,
    git: facts.git,
    node: facts.node,
  };
  return [
    ...findings.map((finding) => `${formatFinding(finding, view)}\n`),
    `${summarize(findings)}\n\n`,
    ...Object.entries(known).map(([name, value]) => `${name.padEnd(8)}  ${formatValue(value)}\n`),
    ...facts.warnings.map((text) => `${paint('warning', 'warning', view)}: ${plain(text)}\n`),
  ].join('');
}

function formatFinding({ kind, subject, repository, detail, repaired, advice }: Finding, view: View): string {
  const state = repaired ? paint('repaired', 'succeeded', view) : paint('found', 'warning', view);
  const what = subject.startsWith('/') ? formatPath(subject, view) : plain(subject);
  const where = repository === null ? '' : ` (${plain(repository)})`;
  const rest = advice === null ? '' : `  ${plain(advice)}\n`;
  return `${state} ${kind.replaceAll('_', ' ')}: ${what}${where}\n  ${plain(detail)}\n${rest}`;
}

function summarize(findings: readonly Finding[]): string {
  const left = findings.filter(({ repaired }) => !repaired).length;
  const mended = findings.length - left;
  if (findings.length === 0) return 'git, database and processes agree';
  return [`${mended} repaired`, `${left} left`].slice(mended === 0 ? 1 : 0).join(', ');
}
