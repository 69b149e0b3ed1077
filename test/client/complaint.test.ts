import { expect, test } from 'vitest';
import { parseComplaint } from '../../src/client/complaint.ts';

const complaint = 'wtd: the configuration c.yaml is not valid\n  correct it\n';
const busy = 'wtd: another wtd daemon is running here\n  use it as it is\n';

test.each([
  ['', undefined],
  [' \n', undefined],
  [complaint, { message: 'the configuration c.yaml is not valid', hint: 'correct it' }],
  [complaint.repeat(3), { message: 'the configuration c.yaml is not valid', hint: 'correct it' }],
  [`${busy}${complaint}`, { message: 'the configuration c.yaml is not valid', hint: 'correct it' }],
  ['wtd: no hint\n  \n', { message: 'no hint' }],
  ['wtd: bad yaml:\n  a: [\n     ^\n  correct it\n', { message: 'bad yaml:\n  a: [\n     ^', hint: 'correct it' }],
  ['Error: boom\n    at file.js\n', { message: 'Error: boom\n    at file.js' }],
  [`(node:1) Warning: x\n${busy}`, { message: 'another wtd daemon is running here', hint: 'use it as it is' }],
])('%j says %j', (text, expected) => {
  expect(parseComplaint(text)).toEqual(expected);
});
