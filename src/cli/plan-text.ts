import type { Plan } from '../contract/models.ts';

/** That a plan was given up, and how to have again what was in it. */
export function describeAbandonment({ name, branch, outcome }: Plan): string {
  const { archive = null, snapshot = null } = outcome ?? {};
  const lines = [
    `${name} is abandoned`,
    ...(archive === null ? [] : [`its commits are kept; bring them back with: git branch ${branch} ${archive}`]),
    ...(snapshot === null ? [] : [`its worktree is kept; bring it back with: wtd worktree restore ${snapshot}`]),
  ];
  return `${lines.join('\n')}\n`;
}
