import { expect, test } from 'vitest';
import { daemonPaths, homeVariables } from '../../src/daemon/paths.ts';

test.each([
  [{ HOME: '/home/me' }, {}],
  [{ HOME: '/home/me', WTD_HOME: '/srv/wtd', XDG_STATE_HOME: '/state' }, { WTD_HOME: '/srv/wtd' }],
  [{ HOME: '/home/me', XDG_STATE_HOME: '/state', XDG_CONFIG_HOME: 'not/absolute' }, { XDG_STATE_HOME: '/state' }],
])('of %o only what leads to the home is passed on, and leads there', (environment, variables) => {
  expect(homeVariables(environment)).toEqual(variables);
  expect(daemonPaths({ HOME: '/home/me', ...variables }, 'linux')).toEqual(daemonPaths(environment, 'linux'));
});
