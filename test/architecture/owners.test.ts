import { describe, expect, test } from 'vitest';
import { methods } from '../../src/contract/index.ts';
import { checkNames, checkOwners, checkRpc } from './owners.ts';
import { listFiles, parseSource, readSources } from './sources.ts';

const sources = readSources('src/');

test('git, processes, the database, the environment and the terminal each belong to one room', () => {
  expect(checkOwners(sources)).toEqual([]);
});

test('rpc/ runs in a browser and knows no method', () => {
  const rpc = sources.filter(({ path }) => path.startsWith('src/rpc/'));
  expect(checkRpc(rpc, [...methods.keys()])).toEqual([]);
});

test('every file is named after an idea', () => {
  expect(checkNames(['src/', 'test/', 'scripts/', 'bench/'].flatMap(listFiles))).toEqual([]);
});

describe('the check of owners itself', () => {
  const check = (path: string, text: string) => checkOwners([parseSource(path, text)]);

  test.each([
    ['src/daemon/plans/a.ts', "import { execa } from 'execa';"],
    ['src/client/connect.ts', "const { execa } = await import('execa');"],
    ['src/cli/parse.ts', "import { spawn } from 'node:child_process';"],
    ['src/daemon/runs/a.ts', "import Database from 'better-sqlite3';"],
    ['src/cli/a.ts', "import { z } from 'zod';"],
    ['src/client/a.ts', "import { JSONRPCClient } from 'json-rpc-2.0';"],
    ['src/daemon/commands/a.ts', "await runCommand({ program: 'git', args: [] });"],
    ['src/daemon/runs/a.ts', "await execa('git', ['status']);"],
    ['src/daemon/plans/a.ts', "await run(['git', 'status']);"],
    ['src/daemon/plans/a.ts', "db.prepare('SELECT id FROM plans');"],
    ['src/daemon/plans/a.ts', 'db.prepare(`\n  select id\n  from ${table}`);'],
    ['src/daemon/plans/a.ts', "db.exec('BEGIN IMMEDIATE');"],
    ['src/daemon/plans/a.ts', "db.pragma('PRAGMA user_version');"],
    ['src/daemon/plans/a.ts', "const x = process.env['HOME'];"],
    ['src/daemon/plans/a.ts', "const x = process['env'];"],
    ['src/daemon/plans/a.ts', 'const x = globalThis.process.env;'],
    ['src/daemon/plans/a.ts', 'const { env } = process;'],
    ['src/daemon/plans/a.ts', "import { env as e } from 'node:process';"],
    ['src/client/config.ts', 'const { env: e } = process;'],
    ['src/main.ts', "console.log('hello');"],
    ['src/daemon/log.ts', "process.stderr.write('hello');"],
    ['src/daemon/runs/a.ts', "process.kill(7, 'SIGTERM');"],
    ['src/cli/a.ts', 'process.exit(1);'],
  ])('finds an offence in %s: %s', (path, text) => {
    expect(check(path, text)).toHaveLength(1);
  });

  test.each([
    ['src/daemon/git/git.ts', "import { execa } from 'execa'; await execa('git', ['status']);"],
    ['src/cli/carry-out.ts', "import { spawn } from 'node:child_process'; console.log(process.stdout);"],
    ['src/daemon/registry/plans.ts', "import D from 'better-sqlite3'; db.prepare('DELETE FROM plans');"],
    ['src/daemon/config.ts', 'const x = process.env;'],
    ['src/daemon/plans/a.ts', "const facts = { git: '2.39' }; const noun = 'git'; process.pid;"],
    ['src/daemon/plans/a.ts', "say('Select a plan', 'update it', 'delete the branch', 'commit it');"],
  ])('allows %s: %s', (path, text) => {
    expect(check(path, text)).toEqual([]);
  });

  test('names the place and what to do instead', () => {
    expect(check('src/daemon/plans/a.ts', '\nprocess.env;')).toEqual([
      'src/daemon/plans/a.ts:2 reads the environment; take what you need as an argument',
    ]);
  });
});

test('the check of rpc/ finds methods and Node', () => {
  const text = "import { once } from 'node:events'; if (name === 'plan.start') f();";
  expect(checkRpc([parseSource('src/rpc/a.ts', text)], ['plan.start'])).toHaveLength(2);
  expect(checkRpc([parseSource('src/rpc/a.ts', "import type { X } from 'node:net'; f('stream.item');")], [])).toEqual(
    [],
  );
});

test.each(['src/utils.ts', 'src/daemon/common/a.ts', 'test/git-helpers.ts', 'src/cli/plan-manager.ts'])(
  'the check of names finds %s',
  (path) => {
    expect(checkNames([path, 'src/daemon/commands/commands.ts', 'src/uncommon.ts'])).toHaveLength(1);
  },
);
