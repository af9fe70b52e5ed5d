import { describe, expect, it } from 'vitest';
import { kafka, pipeline } from 'millrace';
import { sinkKafka } from 'millrace/operators';
import { MillraceError } from '../../../src/core/errors.ts';
import { type Invocation, parseArguments, targetOf } from '../../../src/runtime/cli/parse-arguments.ts';
import { paramValues } from '../../../src/runtime/params.ts';
import { branching, generator } from './fixtures.ts';

const known = { pipeline: branching, generator };
const parse = (line: string, env = {}): Invocation => parseArguments(line.split(' ').filter(Boolean), known, env);

function failure(line: string, env = {}): MillraceError {
  try {
    parse(line, env);
  } catch (thrown) {
    return thrown as MillraceError;
  }
  throw new Error(`${line} was accepted`);
}

const defaults = { outFile: 'output/a.jsonl', fast: false, quiet: true, size: 5, rollMs: 100 };

describe('the arguments of a run', () => {
  it.each<[string, object]>([
    ['branching', {}],
    ['branching --brokers a:9092,[::1]:9093', { brokers: 'a:9092,[::1]:9093' }],
    ['branching --generate 0.5 --events 10 --seed -3', { generate: 0.5, events: 10, seed: -3 }],
    ['branching --start 2024-02-29T12:00:00Z', { start: Date.UTC(2024, 1, 29, 12) }],
    ['branching --from latest --group g2', { from: 'latest', group: 'g2' }],
    ['branching --from 1970-01-01T00:00:01Z', { from: { timestamp: 1_000 } }],
    ['branching --once --json --dry-run', { once: true, json: true, dryRun: true }],
    ['branching --drain --data x', { drain: true, data: 'x' }],
    [
      'branching --checkpoint-ms 50 --state-entries 7 --delivery at-least-once --max-reject-ratio 0.1',
      { checkpointMs: 50, stateEntries: 7, delivery: 'at-least-once', maxRejectRatio: 0.1 },
    ],
    ['branching --drop-state a --drop-state b --bad-ratio 1', { dropState: ['a', 'b'], badRatio: 1 }],
    [
      'branching --tls-ca ca --tls-cert c --tls-key k --tls --client kafkajs --compression lz4',
      { tlsCa: 'ca', tlsCert: 'c', tlsKey: 'k', tls: true, client: 'kafkajs', compression: 'lz4' },
    ],
    [
      'branching --sasl-mechanism PLAIN --sasl-username u --sasl-password-file p --allow-cleartext-password',
      { saslMechanism: 'PLAIN', saslUsername: 'u', saslPasswordFile: 'p', allowCleartextPassword: true },
    ],
    ['--once branching', { once: true }],
  ])('reads %s', (line, flags) => {
    expect(parse(line)).toEqual({ command: 'run', flags: { codegen: true, ...flags }, params: defaults });
  });

  it("reads the pipeline's own flags apart from those of millrace", () => {
    expect(parse('branching --out-file b.jsonl --fast --no-quiet --size -2.5 --roll-ms 0 --once')).toEqual({
      command: 'run',
      flags: { codegen: true, once: true },
      params: { outFile: 'b.jsonl', fast: true, quiet: false, size: -2.5, rollMs: 0 },
    });
  });

  it('takes brokers from the environment, and the flag before it', () => {
    const env = { KAFKA_BOOTSTRAP_SERVERS: 'e:1' };
    expect(parse('branching', env)).toMatchObject({ flags: { brokers: 'e:1' } });
    expect(parse('branching --brokers f:2', env)).toMatchObject({ flags: { brokers: 'f:2' } });
    expect(parse('branching', { KAFKA_BOOTSTRAP_SERVERS: '' })).toMatchObject({ flags: {} });
  });

  it.each([
    ['branching --evnts 5', "unknown option '--evnts'", 'Did you mean --events?'],
    [
      'branching --events 0',
      "'--events <N>' argument '0' is invalid. It must be a whole number above 0",
      'branching --help',
    ],
    ['branching --events', 'argument missing', '--help'],
    ['branching --generate -1', 'number of records a second', '--help'],
    ['branching --max-reject-ratio 2', 'between 0 and 1', '--help'],
    ['branching --start yesterday', 'ISO 8601', '--help'],
    ['branching --from newest', 'earliest, latest or an ISO 8601 time', '--help'],
    ['branching --delivery maybe', 'Allowed choices are exactly-once, at-least-once', '--help'],
    ['branching --brokers localhost', 'host:port', '--help'],
    ['branching --brokers h:70000', 'host:port', '--help'],
    ['branching --size big', 'It must be a number', '--help'],
    ['branching --roll-ms -1', "'--roll-ms <N>' argument '-1' is invalid. It must be a number, 0 or more", '--help'],
    ['branching --sasl-password secret', 'there is no --sasl-password', '--sasl-password-file'],
    ['branching --sasl-password=secret', 'there is no --sasl-password:', 'MILLRACE_SASL_PASSWORD'],
    ['branching 100', 'too many arguments', 'lone --'],
    ['describe', "missing required argument 'pipeline'", '--help'],
    ['describe branching --format svg', 'Allowed choices are text, mermaid, json', '--help'],
    ['--once', 'no pipeline', 'name of the pipeline first'],
  ])('refuses %s and names the field and the fix', (line, message, hint) => {
    const error = failure(line);
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', exitCode: 2 });
    expect(error.message).toContain(message);
    expect(error.hint).toContain(hint);
  });

  it('takes whether to fail on data loss from a flag or the environment', () => {
    expect(parse('branching --fail-on-data-loss false')).toMatchObject({ flags: { failOnDataLoss: false } });
    expect(parse('branching --fail-on-data-loss yes')).toMatchObject({ flags: { failOnDataLoss: true } });
    expect(parse('branching', { FAIL_ON_DATA_LOSS: 'false' })).toMatchObject({ flags: { failOnDataLoss: false } });
    expect(failure('branching --fail-on-data-loss maybe').message).toContain('It must be true or false');
    expect(parseArguments([], undefined, { FAIL_ON_DATA_LOSS: 'false' })).toEqual({ command: 'list' });
  });

  it('takes brokers under the shorter name of the variable, too, behind the longer one', () => {
    expect(parse('branching', { KAFKA_BOOTSTRAP: 'e:1' })).toMatchObject({ flags: { brokers: 'e:1' } });
    const both = { KAFKA_BOOTSTRAP: 'e:1', KAFKA_BOOTSTRAP_SERVERS: 'f:2' };
    expect(parse('branching', both)).toMatchObject({ flags: { brokers: 'f:2' } });
    expect(failure('branching', { KAFKA_BOOTSTRAP: 'x' }).message).toContain("KAFKA_BOOTSTRAP: 'x' is invalid");
  });

  it('takes where a new group starts from the environment, and the flag before it', () => {
    const env = { STARTING_OFFSETS: 'latest' };
    expect(parse('branching', env)).toMatchObject({ flags: { from: 'latest' } });
    expect(parse('branching --from earliest', env)).toMatchObject({ flags: { from: 'earliest' } });
    expect(failure('branching', { STARTING_OFFSETS: '7' }).message).toContain('STARTING_OFFSETS');
    expect(parseArguments([], undefined, env)).toEqual({ command: 'list' });
  });

  it('names the variable when its value is bad', () => {
    expect(failure('branching', { KAFKA_BOOTSTRAP_SERVERS: 'x' }).message).toContain('KAFKA_BOOTSTRAP_SERVERS');
  });
});

describe('variables of a pipeline', () => {
  const own = pipeline(
    'own',
    {
      params: {
        files: { default: 0, min: 0, integer: true, env: 'FILES', description: 'files to keep' },
        every: {
          default: 'day',
          env: 'EVERY',
          description: 'how often',
          check: (value) => (value === 'day' || value === 'hour' ? undefined : 'It must be day or hour.'),
        },
        show: { default: true, env: 'SHOW', description: 'show it' },
        fast: { default: false, env: 'FAST', description: 'faster' },
      },
    },
    () => [kafka('in').pipe(sinkKafka('out', { value: (record) => record.value }))],
  );
  const read = (line: string, env = {}): Invocation =>
    parseArguments(line.split(' '), { pipeline: own, generator: undefined }, env);
  const wrong = (line: string, env = {}): string => {
    try {
      read(line, env);
    } catch (thrown) {
      return (thrown as MillraceError).message;
    }
    return 'was accepted';
  };

  it('stand in for flags that are not given', () => {
    const env = { FILES: '3', EVERY: 'hour', SHOW: '0', FAST: '1' };
    expect(read('own', env)).toMatchObject({ params: { files: 3, every: 'hour', show: false, fast: true } });
    expect(read('own --files 4 --every day', env)).toMatchObject({ params: { files: 4, every: 'day', show: false } });
    expect(read('own', { FILES: '', SHOW: '' })).toMatchObject({ params: { files: 0, show: true } });
  });

  it.each([
    ['own', { FILES: '-1' }, "FILES: '-1' is invalid. It must be a whole number, 0 or more."],
    ['own', { FILES: '1.5' }, "FILES: '1.5' is invalid. It must be a whole number, 0 or more."],
    ['own', { EVERY: 'week' }, "EVERY: 'week' is invalid. It must be day or hour."],
    ['own', { SHOW: 'perhaps' }, "SHOW: 'perhaps' is invalid. It must be true or false."],
    ['own --every week', {}, "option '--every <TEXT>' argument 'week' is invalid. It must be day or hour."],
  ])('are checked like these: %s %o', (line, env, message) => {
    expect(wrong(line, env)).toBe(message);
  });

  it('are checked, too, where a program gives the values', () => {
    expect(() => paramValues(own, { files: 1.5 })).toThrow("parameter files of pipeline 'own': '1.5' is invalid");
    expect(() => paramValues(own, { show: 'yes' })).toThrow("'yes' is invalid");
    expect(paramValues(own, { every: 'hour' })).toEqual({ files: 0, every: 'hour', show: true, fast: false });
  });
});

describe('the other commands', () => {
  it.each<[string, object]>([
    ['--version', { command: 'version' }],
    ['-V', { command: 'version' }],
    ['describe branching', { command: 'describe', format: 'text', flags: {}, params: defaults }],
    [
      'describe branching --format json --group x',
      { command: 'describe', format: 'json', flags: { group: 'x' }, params: defaults },
    ],
    [
      'reset branching --apply --to latest',
      { command: 'reset', flags: { apply: true, to: 'latest' }, params: defaults },
    ],
    [
      'generate branching --rate 5 --events 3',
      { command: 'generate', flags: { rate: 5, events: 3 }, params: defaults },
    ],
  ])('reads %s', (line, invocation) => {
    expect(parse(line)).toEqual(invocation);
  });

  it('lists the pipelines where none is named', () => {
    expect(parseArguments([], undefined, { KAFKA_BOOTSTRAP_SERVERS: 'e:1' })).toEqual({ command: 'list' });
  });

  it("shows the pipeline's own flags in the help of `generate` only where the generator asks for them", () => {
    const configurable = { description: 'numbers', configure: async () => generator };
    const help = (given: typeof generator | typeof configurable): string => {
      const invocation = parseArguments(
        ['generate', 'branching', '--help'],
        { pipeline: branching, generator: given },
        {},
      );
      return invocation.command === 'help' ? invocation.text : '';
    };
    expect(help(generator)).toContain('--rate <RATE>');
    expect(help(generator)).not.toContain('--out-file');
    expect(help(configurable)).toContain('--out-file');
    expect(parse('generate branching --out-file x')).toMatchObject({ command: 'generate', params: { outFile: 'x' } });
  });

  it("shows where a spool is by default in its help, also where it is the generator's own file", () => {
    const help = parse('branching --help');
    expect(help).toMatchObject({ text: expect.stringContaining('.millrace/spool/TOPIC') });
    expect(help).toMatchObject({ text: expect.stringContaining('buffer.jsonl') });
    expect(help).toMatchObject({ text: expect.stringContaining('67,108,864') });
  });

  it("shows the pipeline's own flags and defaults in its help", () => {
    const help = parse('branching --help');
    expect(help).toMatchObject({ command: 'help', text: expect.stringContaining('--out-file <TEXT>') });
    expect(help).toMatchObject({ text: expect.stringContaining('"output/a.jsonl"') });
    expect(help).toMatchObject({ text: expect.stringContaining('Exit codes') });
    expect(help).toMatchObject({
      text: expect.stringMatching(/share of\s+records\s+is\s+rejected;\s+looked\s+at\s+from\s+1,000/),
    });
  });

  it('finds the pipeline that is named, before its own flags are known', () => {
    expect(targetOf(['orders', '--metrics-file', 'x'])).toBe('orders');
    expect(targetOf(['--once', 'orders'])).toBe('orders');
    expect(targetOf(['reset', '--data', 'd', 'orders'])).toBe('orders');
    expect(targetOf(['describe'])).toBeUndefined();
    expect(targetOf([])).toBeUndefined();
  });
});
