/** Kafka's other clients, each of which writes and reads records given as lines. */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { CompressionTypes, Kafka, logLevel } from 'kafkajs';
import { kafkaClasspath, kafkaVersion } from '../classpath.ts';
import { type PlainRecord, recordLine } from './records.ts';

export interface ForeignClient {
  readonly name: string;
  /** Of the batches it can write. */
  readonly codecs: readonly string[];
  version(): Promise<string>;
  /** Into one batch of partition 0, if it can. */
  produce(topic: ForeignTopic, codec: string, records: readonly PlainRecord[], isTransaction: boolean): Promise<void>;
  /** The first `count` committed records of partition 0, as lines. */
  consume(topic: ForeignTopic, count: number): Promise<string[]>;
}

export interface ForeignTopic {
  readonly bootstrap: string;
  readonly topic: string;
}

const CACHE = resolve(import.meta.dirname, '../../../node_modules/.cache/millrace-kafka');
const VENV = join(CACHE, 'librdkafka');
const PYTHON = join(VENV, 'bin/python');
const INSTALL_MS = 300_000;
const CLIENT_MS = 120_000;
const MAX_OUTPUT = 64 * 1024 * 1024;

export const javaClient: ForeignClient = {
  name: 'java',
  codecs: ['none', 'gzip', 'snappy', 'lz4', 'zstd'],
  version: async () => kafkaVersion(),
  produce: async ({ bootstrap, topic }, codec, records, isTransaction) => {
    await java([isTransaction ? 'transaction' : 'produce', bootstrap, topic, codec], lines(records));
  },
  consume: ({ bootstrap, topic }, count) => java(['consume', bootstrap, topic, String(count)]),
};

export const librdkafkaClient: ForeignClient = {
  name: 'librdkafka',
  codecs: ['none', 'gzip', 'snappy', 'lz4', 'zstd'],
  version: async () => {
    const [version] = await command(PYTHON, ['-c', 'import confluent_kafka as c; print(c.libversion()[0])']);
    return version;
  },
  produce: async ({ bootstrap, topic }, codec, records, isTransaction) => {
    await python([isTransaction ? 'transaction' : 'produce', bootstrap, topic, codec], lines(records));
  },
  consume: ({ bootstrap, topic }, count) => python(['consume', bootstrap, topic, String(count)]),
};

export const kafkajsClient: ForeignClient = {
  name: 'kafkajs',
  codecs: ['none', 'gzip'],
  version: async () => {
    const [version] = await command(process.execPath, ['-p', "require('kafkajs/package.json').version"]);
    return version;
  },
  produce: async ({ bootstrap, topic }, codec, records, isTransaction) => {
    const options = isTransaction ? { transactionalId: topic, idempotent: true, maxInFlightRequests: 1 } : {};
    const producer = kafkajs(bootstrap).producer(options);
    await producer.connect();
    const compression = codec === 'gzip' ? CompressionTypes.GZIP : CompressionTypes.None;
    const messages = records.map(({ timestamp, key, value, headers }) => ({
      key,
      value,
      partition: 0,
      timestamp: String(timestamp),
      headers: headersByName(headers),
    }));
    const sender = isTransaction ? await producer.transaction() : producer;
    await sender.send({ topic, compression, messages });
    if ('commit' in sender) await sender.commit();
    await producer.disconnect();
  },
  consume: async ({ bootstrap, topic }, count) => {
    const consumer = kafkajs(bootstrap).consumer({ groupId: `read-${topic}`, readUncommitted: false });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    const read: string[] = [];
    await new Promise<void>((done, fail) => {
      const timer = setTimeout(() => fail(new Error(`kafkajs has read ${read.length} of ${count}`)), CLIENT_MS);
      const eachMessage = async ({ message }: { message: KafkajsMessage }): Promise<void> => {
        read.push(lineOf(message));
        if (read.length < count) return;
        clearTimeout(timer);
        done();
      };
      consumer.run({ eachMessage }).catch(fail);
    });
    await consumer.disconnect();
    return read;
  },
};

/** Puts librdkafka into a folder of its own, once; the answer is why that cannot be done, or nothing. */
export function librdkafkaMissing(): string | undefined {
  const has = (): boolean => existsSync(PYTHON) && succeeds(PYTHON, ['-c', 'import confluent_kafka']);
  if (has()) return undefined;
  if (!succeeds('python3', ['-m', 'venv', VENV])) return 'python3 with its module venv was not found';
  if (succeeds(PYTHON, ['-m', 'pip', 'install', '-q', 'confluent-kafka']) && has()) return undefined;
  return 'pip could not install confluent-kafka';
}

interface KafkajsMessage {
  readonly timestamp: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: Readonly<Record<string, Buffer | string | (Buffer | string)[] | undefined>>;
}

function lineOf({ timestamp, key, value, headers = {} }: KafkajsMessage): string {
  const list = Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().map((each) => ({ key: name, value: Buffer.from(each as Buffer) })),
  );
  return recordLine({ timestamp: Number(timestamp), key, value, headers: list });
}

function headersByName(headers: PlainRecord['headers']): Record<string, Buffer[]> {
  const byName: Record<string, Buffer[]> = {};
  for (const { key, value } of headers) (byName[key] ??= []).push(Buffer.from(value));
  return byName;
}

function kafkajs(bootstrap: string): Kafka {
  return new Kafka({ brokers: [bootstrap], clientId: 'vectors', logLevel: logLevel.NOTHING });
}

async function java(args: readonly string[], input?: string): Promise<string[]> {
  const classpath = await kafkaClasspath(kafkaVersion(), () => {});
  const program = join(import.meta.dirname, 'JavaClient.java');
  return command('java', ['-Dorg.slf4j.simpleLogger.defaultLogLevel=error', '-cp', classpath, program, ...args], input);
}

function python(args: readonly string[], input?: string): Promise<string[]> {
  return command(PYTHON, [join(import.meta.dirname, 'librdkafka.py'), ...args], input);
}

function lines(records: readonly PlainRecord[]): string {
  return records.map((record) => `${recordLine(record)}\n`).join('');
}

/** The lines that a program prints. */
function command(program: string, args: readonly string[], input = ''): Promise<string[]> {
  return new Promise((done, fail) => {
    const options = { timeout: CLIENT_MS, maxBuffer: MAX_OUTPUT };
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      if (error === null) done(stdout.split('\n').filter((line) => line !== ''));
      else fail(new Error(`${error.message}\n${stderr}`));
    });
    child.stdin?.end(input);
  });
}

function succeeds(program: string, args: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore', timeout: INSTALL_MS });
    return true;
  } catch {
    return false;
  }
}
