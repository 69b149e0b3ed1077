import { expect, test } from 'vitest';
import { complete, donePlan, refuses } from '../rig/homecoming.ts';
import { Rig } from '../rig/rig.ts';

const repository = 'shop';

test('plans that merge by what the attributes say do not collide, and come home like that', async () => {
  await using rig = await Rig.setUp();
  rig.repository.commit({ '.gitattributes': '*.log merge=union\n', 'change.log': 'first\n' });
  for (const name of ['login', 'cart']) await donePlan(rig, name, { 'change.log': `first\n${name}\n` });
  const { pairs } = await rig.call('conflict.matrix', { repository });
  expect(pairs).toMatchObject([{ conflicts: false, shared: ['change.log'], severity: 'low' }]);
  expect(await rig.call('conflict.order', { repository })).toMatchObject({ unmergeable: [], verified: true });
  for (const name of ['login', 'cart']) await complete(rig, name);
  expect(rig.repository.git('show', 'main:change.log')).toBe('first\nlogin\ncart');
});

test('what is not to be merged as text is in conflict, and stays behind', async () => {
  await using rig = await Rig.setUp();
  rig.repository.commit({ '.gitattributes': 'lock -merge\n', lock: '1\n2\n3\n4\n5\n' });
  await donePlan(rig, 'login', { lock: 'login\n2\n3\n4\n5\n' });
  await donePlan(rig, 'cart', { lock: '1\n2\n3\n4\ncart\n' });
  const { pairs } = await rig.call('conflict.matrix', { repository });
  expect(pairs).toMatchObject([{ conflicts: true, files: [{ path: 'lock', kind: 'binary' }], severity: 'high' }]);
  await complete(rig, 'login');
  expect(await refuses(rig, 'cart')).toMatchObject({ code: 'CONFLICT', files: [{ path: 'lock' }] });
});
