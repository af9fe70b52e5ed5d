/** The flags of `millrace dlq`. */
import { InvalidArgumentError, Option } from 'commander';
import { type Condition, CONDITION_FORM, parseCondition } from '../dlq/conditions.ts';
import { integerAbove0, kafkaOptions, placeOptions, type PlaceFlags, rateAbove0 } from './flags.ts';

export const DEFAULT_MAX_ATTEMPTS = 3;
export const DEFAULT_SHOWN = 3;
export const DEFAULT_LISTED = 20;

/** Which records are meant, and how the answer looks. */
export interface DlqFlags extends PlaceFlags {
  readonly dlq?: string;
  readonly where?: readonly Condition[];
  readonly maxAttempts?: number;
  readonly json?: boolean;
}

export interface DlqListFlags extends DlqFlags {
  readonly limit?: number;
}

export interface DlqShowFlags extends DlqFlags {
  readonly at?: { readonly partition: number; readonly offset: number };
  readonly limit?: number;
  readonly hex?: boolean;
}

export interface DlqRedriveFlags extends DlqFlags {
  readonly rate?: number;
  readonly apply?: boolean;
}

function condition(text: string, before: readonly Condition[] | undefined): Condition[] {
  const parsed = parseCondition(text);
  if (parsed === undefined) throw new InvalidArgumentError(`It must be ${CONDITION_FORM}.`);
  return [...(before ?? []), parsed];
}

function place(text: string): DlqShowFlags['at'] {
  const [, partition, offset] = /^(\d{1,9}):(\d{1,15})$/.exec(text) ?? [];
  if (offset === undefined)
    throw new InvalidArgumentError('It must be PARTITION:OFFSET in the DLQ topic, such as 2:17.');
  return { partition: Number(partition), offset: Number(offset) };
}

const common = (): Option[] => {
  const [brokers, , data] = placeOptions();
  return [
    brokers,
    data,
    new Option('--dlq <TOPIC>', "which of the pipeline's DLQ topics, or any other topic of such records"),
    new Option(
      '--where <CONDITION>',
      'only records that meet it: reason~price, kind=DecodeError, step, topic, partition, offset, key, attempt, "failed_at>=TIME", header.NAME, payload.PATH; with =, !=, ~ (contains), >=, <=; can be repeated, all must hold',
    ).argParser(condition),
    new Option(
      '--max-attempts <N>',
      `records that were redriven so many times and failed again stay where they are (default: ${DEFAULT_MAX_ATTEMPTS})`,
    ).argParser(integerAbove0),
  ];
};

const json = (): Option => new Option('--json', 'lines of JSON on stdout and nothing else');

export const dlqListOptions = (): Option[] => [
  ...common(),
  new Option('--limit <N>', `groups to show (default: ${DEFAULT_LISTED})`).argParser(integerAbove0),
  json(),
  ...kafkaOptions(),
];

export const dlqShowOptions = (): Option[] => [
  ...common(),
  new Option('--at <PARTITION:OFFSET>', 'the one that stands there in the DLQ topic').argParser(place),
  new Option(
    '--limit <N>',
    `records to show, the oldest of each partition first (default: ${DEFAULT_SHOWN})`,
  ).argParser(integerAbove0),
  new Option('--hex', 'bytes in hexadecimal, also where they are text'),
  json(),
  ...kafkaOptions(),
];

export const dlqRedriveOptions = (): Option[] => [
  ...common(),
  new Option('--rate <N>', 'records a second at most (default: as fast as it goes)').argParser(rateAbove0),
  new Option('--apply', 'do it; without this flag it is only shown'),
  json(),
  ...kafkaOptions(),
];

/** Those of all three. */
export const dlqOptions = (): Option[] => [...dlqListOptions(), ...dlqShowOptions(), ...dlqRedriveOptions()];
