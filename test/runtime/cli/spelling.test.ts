import { describe, expect, it } from 'vitest';
import { spell, spellHint } from '../../../src/runtime/cli/spelling.ts';

const throughNpm = { npm_lifecycle_event: 'pipeline', npm_lifecycle_script: 'node bin/millrace.js' };

describe('a command as it is typed', () => {
  it.each<[string, Record<string, string>, string]>([
    ['alone', {}, 'millrace reset orders --apply'],
    ['through npm', throughNpm, 'npm run pipeline reset orders -- --apply'],
    ['by npx', { npm_lifecycle_event: 'npx', npm_lifecycle_script: 'millrace' }, 'npx millrace reset orders --apply'],
    [
      'through a script that runs one pipeline only',
      { npm_lifecycle_event: 'orders', npm_lifecycle_script: 'millrace orders' },
      'npx millrace reset orders --apply',
    ],
    [
      'in a script of another program',
      { npm_lifecycle_event: 'test', npm_lifecycle_script: 'vitest' },
      'millrace reset orders --apply',
    ],
  ])('%s', (_, env, expected) => {
    expect(spell(['reset', 'orders', '--apply'], env)).toBe(expected);
  });

  it('has no lone -- where there are no flags, and quotes what a shell would split', () => {
    expect(spell(['orders'], throughNpm)).toBe('npm run pipeline orders');
    expect(spell(['my orders', '--data', "a'b"], {})).toBe(String.raw`millrace 'my orders' --data 'a'\''b'`);
  });
});

describe('a hint', () => {
  const argv = ['orders', '--brokers', 'a:1', '--events', '5', '--data=x', '--tls'];

  it('names the pipeline, and the place that this call works on', () => {
    const hint = 'begin again with `millrace reset NAME --apply`, or wait';
    expect(spellHint(hint, 'orders', { argv, env: {} })).toBe(
      'begin again with `millrace reset orders --brokers a:1 --data=x --tls --apply`, or wait',
    );
    expect(spellHint('see `pipeline reset`', 'orders', { argv: ['orders'], env: throughNpm })).toBe(
      'see `npm run pipeline reset orders`',
    );
    expect(spellHint(hint, undefined, { argv: [], env: {} })).toContain('`millrace reset NAME --apply`');
  });

  it('leaves all else as it is', () => {
    const help = 'see `millrace reset orders --help`';
    expect(spellHint(help, 'orders', { argv, env: {} })).toBe(help);
    const hint = 'is a broker there? `npm run kafka -- --port 9093` starts one';
    expect(spellHint(hint, 'orders', { argv, env: throughNpm })).toBe(hint);
  });
});
