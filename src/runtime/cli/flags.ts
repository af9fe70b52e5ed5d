/** The flags of the command line: their words, and how their values are read. */
import { InvalidArgumentError, Option } from 'commander';
import type { Param, Params } from '../../core/pipeline.ts';
import {
  COMPRESSIONS,
  DRIVERS,
  type KafkaFlags,
  PASSWORD_VARIABLE,
  SASL_MECHANISMS,
  SETTINGS,
} from '../../kafka/kafka-settings.ts';
import { parseIso } from '../../time/iso.ts';
import type { WhenFull } from '../../spool/forwarding.ts';
import { type Delivery, MIN_RECORDS_FOR_RATIO, type StartFrom } from '../run-options.ts';
import { problemOf } from '../params.ts';
import { usageError } from './failure.ts';
import { type ResetTo, resetTo } from './reset-positions.ts';
import { grouped } from './text.ts';

/** Which log and which state a command works on. */
export interface PlaceFlags extends KafkaFlags {
  readonly group?: string;
  readonly data?: string;
}

/** What a generator is told. */
export interface GeneratorFlags {
  readonly events?: number;
  readonly seed?: number;
  readonly start?: number;
  readonly badRatio?: number;
  /** Folder of the spool on Kafka, or false for none. */
  readonly spool?: string | boolean;
  readonly spoolBytes?: number;
  readonly spoolFull?: WhenFull;
}

export interface RunFlags extends PlaceFlags, GeneratorFlags {
  readonly generate?: number;
  readonly from?: StartFrom;
  readonly once?: boolean;
  readonly drain?: boolean;
  readonly json?: boolean;
  readonly dryRun?: boolean;
  readonly checkpointMs?: number;
  readonly stateEntries?: number;
  readonly delivery?: Delivery;
  readonly maxRejectRatio?: number;
  readonly dropState?: readonly string[];
  readonly failOnDataLoss?: boolean;
  readonly codegen?: boolean;
}

export interface ResetFlags extends PlaceFlags {
  readonly apply?: boolean;
  readonly to?: ResetTo;
  readonly json?: boolean;
}

export interface GenerateFlags extends GeneratorFlags, KafkaFlags {
  readonly rate?: number;
  readonly data?: string;
  readonly json?: boolean;
}

export const DEFAULT_SPOOL_BYTES = 1_073_741_824;
/** Of a spool in one file, all of which a start reads at once. */
export const FILE_SPOOL_BYTES = 67_108_864;
const MAX_PORT = 65_535;

export function integerAbove0(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('It must be a whole number above 0.');
}

function integer(text: string): number {
  const value = Number(text);
  if (/^-?\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError('It must be a whole number.');
}

function rateFrom0(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value >= 0) return value;
  throw new InvalidArgumentError('It must be a number of records a second, such as 50; 0 turns the generator off.');
}

export function rateAbove0(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('It must be a number of records a second above 0, such as 50.');
}

function ratio(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError('It must be a share between 0 and 1, such as 0.2.');
}

function time(text: string): number {
  const value = parseIso(text);
  if (!Number.isNaN(value)) return value;
  throw new InvalidArgumentError('It must be an ISO 8601 time, such as 2024-02-29T12:00:00Z.');
}

function startFrom(text: string): StartFrom {
  if (text === 'earliest' || text === 'latest') return text;
  const timestamp = parseIso(text);
  if (!Number.isNaN(timestamp)) return { timestamp };
  throw new InvalidArgumentError('It must be earliest, latest or an ISO 8601 time, such as 2024-02-29T12:00:00Z.');
}

export function yesOrNo(text: string): boolean {
  const isYes = /^(true|1|yes)$/i.test(text);
  if (isYes || /^(false|0|no)$/i.test(text)) return isYes;
  throw new InvalidArgumentError('It must be true or false.');
}

function folder(text: string): string {
  if (text !== '') return text;
  throw new InvalidArgumentError('It must be a folder.');
}

function group(text: string): string {
  if (text !== '') return text;
  throw new InvalidArgumentError('It must be a name.');
}

/** `host:port`, comma-separated, as it was written. */
export function brokers(text: string): string {
  for (const broker of text.split(',').map((each) => each.trim())) {
    if (broker.includes('@')) throw new InvalidArgumentError('Credentials do not belong there: give host:port only.');
    const port = /^(?:[\w.-]+|\[[0-9a-fA-F:]+\]):(\d{1,5})$/.exec(broker)?.[1];
    if (port === undefined || Number(port) < 1 || Number(port) > MAX_PORT) {
      throw new InvalidArgumentError(
        'It must be host:port with a port from 1 to 65535, several of them separated by commas.',
      );
    }
  }
  return text;
}

export const placeOptions = (): Option[] => [
  new Option('--brokers <host:port,…>', 'Kafka to work on; without it, the embedded log')
    .env('KAFKA_BOOTSTRAP_SERVERS')
    .argParser(brokers),
  new Option('--group <ID>', "consumer group, whose offsets and state are its own (default: the pipeline's)").argParser(
    group,
  ),
  dataOption(),
];

const dataOption = (): Option =>
  new Option(
    '--data <DIR>',
    'folder that stands in for the current one: state in DIR/.millrace, relative outputs below DIR',
  ).argParser(folder);

const KAFKA_HEADING = `Flags for Kafka, each also as a variable (${SETTINGS.tlsCa.variable} for ${SETTINGS.tlsCa.flag}):`;

/** How to connect; their values are checked together, where they are used. The password has a variable, and no flag. */
export const kafkaOptions = (): Option[] =>
  [
    new Option('--client <NAME>', `driver: ${DRIVERS.join(', ')} (default: ${DRIVERS[0]})`),
    new Option('--compression <NAME>', `of what is written: ${COMPRESSIONS.join(', ')} (default: ${COMPRESSIONS[0]})`),
    new Option('--tls', 'encrypt, and verify the brokers; implied by the three below'),
    new Option('--tls-ca <FILE>', 'authorities to trust, PEM (default: those of Node.js)'),
    new Option('--tls-cert <FILE>', 'own certificate, PEM, where brokers ask for one'),
    new Option('--tls-key <FILE>', 'its private key, PEM, not encrypted'),
    new Option('--sasl-mechanism <NAME>', `log in by ${SASL_MECHANISMS.join(', ')}`),
    new Option('--sasl-username <NAME>', 'user to log in as'),
    new Option('--sasl-password-file <FILE>', `file of the password (or the password itself in ${PASSWORD_VARIABLE})`),
    new Option('--allow-cleartext-password', 'SASL PLAIN without TLS, where the network is safe'),
  ].map((option) => option.helpGroup(KAFKA_HEADING));

const generatorOptions = (): Option[] => [
  new Option('--events <N>', 'stop generating after N records').argParser(integerAbove0),
  new Option('--seed <S>', 'which repeatable stream to generate (default: 1)').argParser(integer),
  new Option('--start <TIME>', 'event time of record 0; times then follow from number and rate alone').argParser(time),
  new Option('--bad-ratio <SHARE>', "share of broken records, 0 to 1 (default: the generator's)").argParser(ratio),
  new Option(
    '--spool <DIR>',
    'on Kafka: folder for what it does not take, which is sent when Kafka is back (default: .millrace/spool/TOPIC, or the one file that the generator names, such as buffer.jsonl)',
  ).argParser(folder),
  new Option('--no-spool', 'on Kafka: buffer nothing on disk, and stop when it is away for two minutes'),
  new Option(
    '--spool-bytes <N>',
    `bytes that the spool may take (default: ${grouped(DEFAULT_SPOOL_BYTES)}, or ${grouped(FILE_SPOOL_BYTES)} in one file)`,
  ).argParser(integerAbove0),
  new Option(
    '--spool-full <POLICY>',
    'when the spool is full: block (wait for room, the default), or reject (drop and count)',
  ).choices(['block', 'reject']),
];

export const runOptions = (): Option[] => [
  ...placeOptions(),
  new Option('--from <WHERE>', 'where a new group starts: earliest, latest or an ISO time (default: earliest)')
    .env('STARTING_OFFSETS')
    .argParser(startFrom),
  new Option('--once', 'read to the ends seen at the start, then stop (for cron)'),
  new Option('--drain', 'the same, then close every window; going on needs `reset`'),
  new Option(
    '--generate <RATE>',
    "records a second from the pipeline's generator; 0 for none (default on the embedded log: the generator's, on Kafka: 0)",
  ).argParser(rateFrom0),
  ...generatorOptions(),
  new Option('--json', 'lines of JSON on stdout and nothing else'),
  new Option('--dry-run', 'show plan, offsets and outputs; run nothing, write nothing'),
  new Option('--checkpoint-ms <MS>', 'time between checkpoints (default: 50 to 200)').argParser(integerAbove0),
  new Option(
    '--state-entries <COUNT>',
    'entries of keyed state that an operator keeps in memory; the rest is read from disk (default: 1,000,000)',
  ).argParser(integerAbove0),
  new Option('--delivery <PROMISE>', 'default: exactly-once, and at-least-once through kafkajs').choices([
    'exactly-once',
    'at-least-once',
  ]),
  new Option(
    '--max-reject-ratio <SHARE>',
    `stop when more than this share of records is rejected; looked at from ${grouped(MIN_RECORDS_FOR_RATIO)} records on`,
  ).argParser(ratio),
  new Option(
    '--fail-on-data-loss <BOOL>',
    'stop where records were deleted before they were read; false: go on with what is there, and count them as lost (default: true)',
  )
    .env('FAIL_ON_DATA_LOSS')
    .argParser(yesOrNo),
  new Option(
    '--drop-state <NAME>',
    'let go the state of an operator that the plan has lost; can be repeated',
  ).argParser((name: string, names: readonly string[] | undefined) => [...(names ?? []), name]),
  new Option('--no-codegen', 'make no code while running: slower, with the same results'),
  ...kafkaOptions(),
];

export const resetOptions = (): Option[] => [
  ...placeOptions(),
  new Option(
    '--to <WHERE>',
    'where to begin again: earliest, latest, an offset (1200, or by partition 0:1200,1:1300) or an ISO time (default: earliest)',
  ).argParser(resetTo),
  new Option('--apply', 'do it; without this flag it is only shown'),
  new Option('--json', 'a line of JSON on stdout and nothing else'),
  ...kafkaOptions(),
];

export const generateOptions = (): Option[] => [
  placeOptions()[0],
  dataOption(),
  new Option('--rate <RATE>', "records a second (default: the generator's)").argParser(rateAbove0),
  ...generatorOptions(),
  new Option('--json', 'lines of JSON on stdout and nothing else'),
  ...kafkaOptions(),
];

/** `metricsFile` → `metrics-file` */
export function kebab(name: string): string {
  return name.replaceAll(/[A-Z]+/g, (capitals) => `-${capitals.toLowerCase()}`).replace(/^-/, '');
}

/** The pipeline's own flags. Each keeps the parameter's name beside it, for the way back. */
export function paramOptions(
  params: Params,
  taken: readonly Option[],
): { readonly name: string; readonly option: Option }[] {
  return Object.entries(params).map(([name, param]) => {
    const option = paramOption(name, param);
    if (taken.some(({ long }) => long === `--${kebab(name)}`) || name === 'help') {
      throw usageError(`the pipeline's parameter '${name}' has the name of a flag of millrace`, 'rename the parameter');
    }
    return { name, option };
  });
}

function paramOption(name: string, param: Param<string> | Param<number> | Param<boolean>): Option {
  const flag = `--${kebab(name)}`;
  const option = typeof param.default === 'boolean' ? switchOption(flag, param) : valueOption(flag, param);
  return param.env === undefined ? option : option.env(param.env);
}

function switchOption(flag: string, param: Param<string> | Param<number> | Param<boolean>): Option {
  const option = new Option(param.default ? flag.replace('--', '--no-') : flag, param.description);
  return param.default ? option : option.default(false);
}

function valueOption(flag: string, param: Param<string> | Param<number> | Param<boolean>): Option {
  const isNumber = typeof param.default === 'number';
  const option = new Option(`${flag} <${isNumber ? 'N' : 'TEXT'}>`, param.description).default(param.default);
  return option.argParser((text) => {
    const value = !isNumber ? text : text.trim() === '' ? Number.NaN : Number(text);
    const problem = problemOf(param, value);
    if (problem === undefined) return value;
    throw new InvalidArgumentError(problem);
  });
}
