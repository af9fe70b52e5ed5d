/** `npm run kafka`: a broker in the foreground, with the topics of the orders pipeline. */
import { parseArgs } from 'node:util';
import { MillraceError } from '../../src/core/errors.ts';
import { connectKafkajs } from '../../src/kafka/kafkajs/kafkajs-client.ts';
import { systemClock } from '../../src/time/clock.ts';
import { MissingTool, type RunningBroker, startBroker } from './broker.ts';

const DEFAULT_PORT = '9092';
const TOPICS = ['orders', 'processed-orders', 'product-metrics', 'orders-dlq', 'orders-late'];
const PARTITIONS = 3;
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const EXIT_ENVIRONMENT = 3;
const EXIT_INTERRUPTED = 130;

const USAGE = `npm run kafka -- [--port ${DEFAULT_PORT}] [--data DIR] [--kafka VERSION]

Starts Apache Kafka on 127.0.0.1 with the topics ${TOPICS.join(', ')},
and runs until Ctrl-C. Without --data its records are gone when it ends. Java and, the first time, Maven are needed.`;

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

interface Flags {
  readonly port: number;
  readonly data: string | undefined;
  readonly kafka: string | undefined;
}

function readFlags(): Flags {
  try {
    const { values } = parseArgs({
      options: {
        port: { type: 'string', default: DEFAULT_PORT },
        data: { type: 'string' },
        kafka: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    if (values.help === true) {
      say(USAGE);
      process.exit(0);
    }
    const port = Number(values.port);
    if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Error(`no port: ${values.port}`);
    return { port, data: values.data, kafka: values.kafka };
  } catch (error) {
    say(`${String(error instanceof Error ? error.message : error)}\n\n${USAGE}`);
    process.exit(EXIT_USAGE);
  }
}

async function createTopics(bootstrap: string): Promise<void> {
  const client = await connectKafkajs({ brokers: [bootstrap], clientId: 'millrace-kafka', clock: systemClock });
  try {
    await client.createTopics(TOPICS.map((topic) => ({ topic, partitions: PARTITIONS })));
  } finally {
    await client.close();
  }
}

async function run({ port, data, kafka }: Flags): Promise<void> {
  let broker: RunningBroker | undefined;
  let isStopping = false;
  // The first Ctrl-C ends the broker in good order, the second at once.
  const stop = (): void => {
    if (isStopping || broker === undefined) process.exit(EXIT_INTERRUPTED);
    isStopping = true;
    say('stopping Kafka …');
    void broker.stop().then(() => process.exit(0));
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  broker = await startBroker({ port, dataDir: data, version: kafka, progress: say });
  await createTopics(broker.bootstrap);
  say(`Kafka listens on ${broker.bootstrap} (process ${broker.pid}, log ${broker.logFile})
topics, ${PARTITIONS} partitions each: ${TOPICS.join(', ')}

in another terminal:
  npm run pipeline orders -- --brokers ${broker.bootstrap} --generate 50

Ctrl-C ends it${data === undefined ? ' and forgets its records' : ''}.`);
  await broker.ended;
  if (!isStopping) throw new Error(`Kafka has ended by itself; the end of its log:\n${broker.logTail()}`);
}

try {
  await run(readFlags());
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exit(error instanceof MissingTool || error instanceof MillraceError ? EXIT_ENVIRONMENT : EXIT_FAILED);
}
