import { readFile } from 'node:fs/promises';
import { parse } from 'plist';
import { expect, test } from 'vitest';
import { renderAgent } from '../../src/daemon/service/launchd-agent.ts';

const template = new URL('../../launchd/local.wtd.daemon.plist', import.meta.url);

const rendered = async (program: readonly string[], log = '/Users/me/Library/Logs/wtd.log') =>
  parse(renderAgent(await readFile(template, 'utf8'), { program, home: '/Users/me/<wtd> & co', log }));

test('the agent says all that launchd needs to keep the daemon and to spare its runs', async () => {
  expect(await rendered(['/usr/local/bin/node', '/opt/wtd/dist/main.js'])).toEqual({
    Label: 'local.wtd.daemon',
    ProgramArguments: ['/usr/local/bin/node', '/opt/wtd/dist/main.js', 'daemon'],
    EnvironmentVariables: { WTD_HOME: '/Users/me/<wtd> & co' },
    WorkingDirectory: '/',
    RunAtLoad: true,
    KeepAlive: { SuccessfulExit: false },
    ThrottleInterval: 1,
    ExitTimeOut: 60,
    AbandonProcessGroup: true,
    ProcessType: 'Interactive',
    StandardErrorPath: '/Users/me/Library/Logs/wtd.log',
  });
});

test('paths with spaces, percent signs, ampersands, brackets and placeholders survive', async () => {
  const program = ['/Users/R & D/<100%> "wtd" $& $1/node', '@LOG@'];
  const log = '/Users/R & D/Library/Application Support/@WTD@';
  expect(await rendered(program, log)).toMatchObject({
    ProgramArguments: [...program, 'daemon'],
    StandardErrorPath: log,
  });
});
