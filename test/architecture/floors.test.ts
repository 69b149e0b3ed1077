import { describe, expect, test } from 'vitest';
import { checkFloors, findCircle } from './floors.ts';
import { parseSource, readSources } from './sources.ts';

const sources = readSources('src/');

test('every room imports only from the floors below it', () => {
  expect(checkFloors(sources)).toEqual([]);
});

test('no rooms import each other in a circle', () => {
  expect(findCircle(sources)).toBeUndefined();
});

describe('the check itself', () => {
  const check = (path: string, text: string) => checkFloors([parseSource(path, text)]);

  test.each([
    ['src/cli/a.ts', "import { x } from '../daemon/paths.ts';"],
    ['src/cli/a.ts', "import type { x } from '../daemon/paths.ts';"],
    ['src/cli/a.ts', "import { errors } from '../contract/errors.ts';"],
    ['src/cli/a.ts', "import { type ErrorName } from '../contract/errors.ts';"],
    ['src/client/a.ts', "await import('../contract/index.ts');"],
    ['src/client/a.ts', "export * from '../cli/parse.ts';"],
    ['src/cli/a.ts', "let x: import('../tui/view.ts').View;"],
    ['src/rpc/a.ts', "import '../contract/errors.ts';"],
    ['src/base/a.ts', "import { x } from '../rpc/framing.ts';"],
    ['src/daemon/methods/plan.ts', "import { dispatch } from '../dispatch.ts';"],
    ['src/daemon/runs/a.ts', "import { x } from '../worktrees/worktrees.ts';"],
    ['src/daemon/runs/a.ts', "import { x } from '../repositories/repositories.ts';"],
    ['src/daemon/repositories/a.ts', "import { x } from '../runs/supervisor.ts';"],
    ['src/daemon/worktrees/a.ts', "import { x } from '../plans/plans.ts';"],
    ['src/daemon/worktrees/pool/a.ts', "import { x } from '../../plans/plans.ts';"],
    ['src/daemon/worktrees/a.ts', "import { x } from './pool/pool.ts';"],
    ['src/daemon/worktrees/snapshots/a.ts', "import { x } from '../pool/pool.ts';"],
    ['src/daemon/plans/a.ts', "import { x } from '../status/status.ts';"],
    ['src/daemon/plans/a.ts', "import { x } from '../daemon.ts';"],
    ['src/daemon/plans/a.ts', "import { x } from '../config.ts';"],
    ['src/daemon/log.ts', "import { x } from './git/git.ts';"],
    ['src/daemon/git/a.ts', "import { x } from '../../main.ts';"],
    ['src/daemon/plans/a.ts', 'await import(name);'],
    ['src/misc/a.ts', ''],
  ])('finds an offence in %s: %s', (path, text) => {
    expect(check(path, text)).toHaveLength(1);
  });

  test.each([
    ['src/main.ts', "import { x } from './daemon/daemon.ts';"],
    ['src/cli/a.ts', "import type { ErrorName } from '../contract/errors.ts';"],
    ['src/cli/a.ts', "import table from '../contract/table.json' with { type: 'json' };"],
    ['src/cli/a.ts', "import { b } from './b.ts'; import { connect } from '../client/connect.ts';"],
    ['src/daemon/plans/a.ts', "import type { Config } from '../config-schema.ts';"],
    ['src/daemon/plans/a.ts', "import { x } from '../repositories/repositories.ts';"],
    ['src/daemon/worktrees/pool/a.ts', "import { x } from '../snapshots/snapshots.ts';"],
    ['src/daemon/worktrees/a.ts', "import { x } from './snapshots/snapshots.ts';"],
    ['src/daemon/events/a.ts', "import { x } from '../registry/events.ts';"],
    ['src/daemon/dispatch.ts', "import { x } from './methods/plan.ts';"],
  ])('allows %s: %s', (path, text) => {
    expect(check(path, text)).toEqual([]);
  });

  test('names the place, the import and what is allowed', () => {
    expect(check('src/rpc/a.ts', "\nimport '../contract/errors.ts';")).toEqual([
      'src/rpc/a.ts:2 imports src/contract/errors.ts, but rpc may import base; ask a lower floor or be given it',
    ]);
  });

  test('finds a circle of rooms', () => {
    const circle = [
      parseSource('src/daemon/runs/a.ts', "import '../git/a.ts';"),
      parseSource('src/daemon/git/a.ts', "import type { E } from '../events/a.ts';"),
      parseSource('src/daemon/events/a.ts', "import '../runs/b.ts';"),
    ];
    expect(findCircle(circle)).toEqual(['runs', 'git', 'events', 'runs']);
    expect(findCircle(circle.slice(0, 2))).toBeUndefined();
  });
});
