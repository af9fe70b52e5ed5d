import { describe, expect, it } from 'vitest';
import { redact, secretsOf } from '../../../src/runtime/cli/redact.ts';
import { nearest } from '../../../src/runtime/cli/suggest.ts';
import {
  bytes,
  counted,
  duration,
  fit,
  instant,
  isUnicode,
  rate,
  table,
  toAscii,
} from '../../../src/runtime/cli/text.ts';

describe('text for people', () => {
  it('cuts a line by what is seen of it, and closes its colours', () => {
    expect(fit('abcdef', 3)).toBe('ab…');
    expect(fit('abcdef', 5, '...')).toBe('ab...');
    expect(fit('abcdef', 1, '...')).toBe('.');
    expect(fit('abcdef', 0)).toBe('');
    expect(fit('abc', 3)).toBe('abc');
    expect(fit('\u001b[1mabcdef\u001b[22m', 3)).toBe('\u001b[1mab\u001b[0m…');
    expect(fit('\u001b[1mabc\u001b[22m', 3)).toBe('\u001b[1mabc\u001b[22m');
  });

  it('lines columns up', () => {
    expect(
      table(
        [
          ['a', '1'],
          ['bb', '22'],
        ],
        ['left', 'right'],
      ),
    ).toEqual(['a    1', 'bb  22']);
  });

  it.each([
    [duration(999), '999 ms'],
    [duration(1_000), '1.0 s'],
    [duration(200_000), '3 min 20 s'],
    [duration(7_500_000), '2 h 5 min'],
    [counted(0, 'checkpoint'), '0 checkpoints'],
    [counted(1, 'checkpoint'), '1 checkpoint'],
    [counted(1_200, 'entry', 'entries'), '1,200 entries'],
    [rate(0), '0'],
    [rate(0.44), '0.4'],
    [rate(9_999), '9,999'],
    [rate(12_340), '12.3k'],
    [rate(4_560_000), '4.56M'],
    [bytes(2_048), '2 KiB'],
    [bytes(67_108_864), '64.0 MiB'],
    [instant(Number.NEGATIVE_INFINITY), '-'],
    [instant(0), '1970-01-01 00:00:00Z'],
  ])('writes %s', (text, expected) => {
    expect(text).toBe(expected);
  });

  it('has plain letters for terminals without others', () => {
    expect(toAscii('a → b · …')).toBe('a -> b - ...');
    expect(isUnicode({ LANG: 'en_US.UTF-8' }, 'linux')).toBe(true);
    expect(isUnicode({ LANG: 'C' }, 'linux')).toBe(false);
    expect(isUnicode({ LC_ALL: 'POSIX', LANG: 'en_US.UTF-8' }, 'linux')).toBe(false);
  });
});

describe('secrets', () => {
  it.each([
    ['cannot reach user:hunter2@host:9092', 'cannot reach ***@host:9092'],
    ['kafka://u:p@h', 'kafka://***@h'],
    ['sasl.password=hunter2 and more', 'sasl.password=*** and more'],
    ['{"password": "hunter2"}', '{"password": ***}'],
    ["token: 'x y'", 'token: ***'],
    ['at 12:30 in orders[2]', 'at 12:30 in orders[2]'],
    ['127.0.0.1:9092,[::1]:9093', '127.0.0.1:9092,[::1]:9093'],
  ])('takes them out of: %s', (text, clean) => {
    expect(redact(text)).toBe(clean);
  });

  it('takes the values of secret variables out', () => {
    const secrets = secretsOf({
      KAFKA_SASL_PASSWORD: 'hunter2',
      MILLRACE_SASL_PASSWORD_FILE: '/run/secrets/kafka',
      HOME: '/home',
      npm_config_token_description: 'latest',
    });
    expect(secrets).toEqual(['hunter2']);
    expect(redact('it was hunter2', secrets)).toBe('it was ***');
  });
});

describe('a misspelt word', () => {
  it.each([
    ['ordres', 'orders'],
    ['order', 'orders'],
    ['Orders', 'orders'],
    ['descibe', 'describe'],
    ['x', undefined],
    ['inventory', undefined],
  ])('%s means %s', (word, meant) => {
    expect(nearest(word, ['orders', 'describe', 'reset'])).toBe(meant);
  });
});
