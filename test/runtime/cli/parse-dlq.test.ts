import { describe, expect, it } from 'vitest';
import { parseArguments, targetOf } from '../../../src/runtime/cli/parse-arguments.ts';
import type { MillraceError } from '../../../src/core/errors.ts';
import { refuseSwallowedFlags } from '../../../src/runtime/cli/npm-flags.ts';
import { branching } from './fixtures.ts';

const parse = (line: string, env = {}) =>
  parseArguments(line.split(' '), { pipeline: branching, generator: undefined }, env);

describe('the commands of dlq', () => {
  it.each<[string, object]>([
    ['dlq list branching --dlq dlq --limit 4', { command: 'dlq list', flags: { dlq: 'dlq', limit: 4 } }],
    [
      'dlq show branching --at 2:17 --hex',
      { command: 'dlq show', flags: { at: { partition: 2, offset: 17 }, hex: true } },
    ],
    [
      'dlq redrive branching --where kind=A --where reason~b=c --rate 0.5 --max-attempts 9 --apply --json',
      {
        command: 'dlq redrive',
        flags: {
          where: [
            { field: 'kind', operator: '=', value: 'A' },
            { field: 'reason', operator: '~', value: 'b=c' },
          ],
          rate: 0.5,
          maxAttempts: 9,
          apply: true,
          json: true,
        },
      },
    ],
  ])('are read: %s', (line, invocation) => {
    expect(parse(line)).toMatchObject(invocation);
  });

  it("take the pipeline's own flags, and the place from the environment", () => {
    expect(parse('dlq list branching --size 7', { KAFKA_BOOTSTRAP_SERVERS: 'e:1' })).toMatchObject({
      flags: { brokers: 'e:1' },
      params: { size: 7, fast: false },
    });
  });

  it('name the help that has their flags where one is wrong', () => {
    const hintOf = (line: string, parsed: (line: string) => unknown) => {
      try {
        return parsed(line);
      } catch (thrown) {
        return (thrown as MillraceError).hint;
      }
    };
    const target = (line: string) => targetOf(line.split(' '));
    for (const parsed of [parse, target]) {
      expect(hintOf('dlq show branching --where bogus', parsed)).toBe('see `millrace dlq show branching --help`');
      expect(hintOf('reset branching --to yesterday', parsed)).toBe('see `millrace reset branching --help`');
    }
  });

  it('name their pipeline behind two words', () => {
    expect(targetOf(['dlq', 'list', 'orders'])).toBe('orders');
    expect(targetOf(['dlq', 'redrive', '--where', 'kind=A', 'orders', '--apply'])).toBe('orders');
    expect(targetOf(['dlq', 'list'])).toBeUndefined();
    expect(targetOf(['dlq'])).toBeUndefined();
    expect(targetOf(['dlq', 'mend', 'orders'])).toBeUndefined();
  });

  it('are told whole when npm has kept a flag of theirs', () => {
    const env = {
      npm_lifecycle_event: 'pipeline',
      npm_lifecycle_script: 'node bin/millrace.js',
      npm_config_where: 'true',
    };
    const flags = [{ long: '--where', takesValue: true, isNegated: false }];
    const argv = ['dlq', 'redrive', 'orders', 'kind=DecodeError'];
    expect(() => refuseSwallowedFlags(flags, { argv, env, readFile: () => '' })).toThrow(
      expect.objectContaining({
        hint: expect.stringContaining('npm run pipeline dlq redrive orders -- --where kind=DecodeError') as string,
      }) as Error,
    );
  });
});
