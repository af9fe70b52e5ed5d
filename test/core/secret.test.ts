import { format, inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { MillraceError } from '../../src/core/errors.ts';
import { Secret } from '../../src/core/secret.ts';

const VALUE = 'hunter2';
const secret = new Secret(VALUE);

describe('a secret', () => {
  it('is given to whoever asks for it by name', () => {
    expect(secret.reveal()).toBe(VALUE);
  });

  it.each<[string, unknown]>([
    ['a text', `p=${String(secret)}`],
    ['a sum', ['p'].concat(secret as never).join('=')],
    ['JSON', JSON.stringify({ nested: [secret] })],
    ['inspection with everything shown', inspect({ nested: [secret] }, { showHidden: true, depth: 9 })],
    ['what console.log formats', format('%s %o %O %j', secret, secret, secret, secret)],
    ['its own and inherited keys', JSON.stringify([Object.keys(secret), Object.entries(Object.assign({}, secret))])],
    ['a structured clone', inspect(structuredClone(secret))],
    [
      'an error that has it as cause',
      inspect(new MillraceError('CONFIG_INVALID', `no: ${String(secret)}`, { cause: secret })),
    ],
  ])('does not show in %s', (_, shown) => {
    expect(shown).not.toContain(VALUE);
  });

  it('shows that there is one', () => {
    expect([String(secret), JSON.stringify(secret), inspect(secret)]).toEqual(['***', '"***"', '***']);
  });
});
