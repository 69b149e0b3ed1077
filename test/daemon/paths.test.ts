import { expect, test } from 'vitest';
import { daemonPaths, homeVariables } from '../../src/daemon/paths.ts';

const me = '/home/me';

test.each([
  [{ HOME: me }, { WTD_HOME: '', XDG_CONFIG_HOME: '/home/me/.config', XDG_STATE_HOME: '/home/me/.local/state' }],
  [{ HOME: me, WTD_HOME: '/srv/wtd/', XDG_STATE_HOME: '/state' }, { WTD_HOME: '/srv/wtd' }],
  [
    { HOME: me, XDG_STATE_HOME: '/state/', XDG_CONFIG_HOME: 'not/absolute' },
    { WTD_HOME: '', XDG_CONFIG_HOME: '/home/me/.config', XDG_STATE_HOME: '/state' },
  ],
])('what is passed on of %o leads to the same home, whatever else is set there', (environment, variables) => {
  expect(homeVariables(environment, 'linux')).toEqual(variables);
  const others = { HOME: '/root', WTD_HOME: '/other', XDG_CONFIG_HOME: '/other', XDG_STATE_HOME: '/other' };
  expect(daemonPaths({ ...others, ...variables }, 'linux')).toEqual(daemonPaths(environment, 'linux'));
});

test.each(['/srv/wtd/', '//srv//wtd', '/srv/./wtd/.', '/srv/other/../wtd'])('%s is the home /srv/wtd', (spelled) => {
  expect(daemonPaths({ WTD_HOME: spelled })).toEqual(daemonPaths({ WTD_HOME: '/srv/wtd' }));
  const xdg = (base: string) => daemonPaths({ XDG_CONFIG_HOME: base, XDG_STATE_HOME: base }, 'linux');
  expect(xdg(spelled)).toEqual(xdg('/srv/wtd'));
});
