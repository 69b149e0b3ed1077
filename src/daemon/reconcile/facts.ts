import type { Result } from '../../contract/index.ts';
import type { Git } from '../git/git.ts';
import { gitVersion } from '../git/questions.ts';

type Facts = Result<'daemon.doctor'>['facts'];

/** The oldest git that merges without a checkout, which is how wtd tells what is merged. */
const oldestGit = [2, 38] as const;

/** What this machine can do. */
export async function readFacts(parts: {
  git: Git;
  /** Who started the daemon: systemd, launchd or none. */
  service: string;
  executor: () => Promise<Pick<Facts, 'executor' | 'enforces'>>;
}): Promise<Facts> {
  const version = await gitVersion(parts.git).catch(() => '');
  return {
    ...(await parts.executor()),
    service: parts.service,
    git: version,
    node: process.versions.node,
    warnings: gitWarnings(version),
  };
}

/** Pure. */
export function gitWarnings(version: string): string[] {
  const [major = NaN, minor = NaN] = version.split('.').map(Number);
  if (Number.isNaN(major) || Number.isNaN(minor)) return ['the version of git could not be read; is git installed?'];
  const isOld = major < oldestGit[0] || (major === oldestGit[0] && minor < oldestGit[1]);
  return isOld ? [`git ${version} is older than ${oldestGit.join('.')}: wtd cannot tell which plans are merged`] : [];
}
