/** A real Apache Kafka broker in a process of its own: KRaft, one node, on 127.0.0.1. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { kafkaClasspath, kafkaVersion, MissingTool } from './classpath.ts';
import { type BrokerSecurity, securityProperties, userArguments } from './security.ts';
import { freePort, isBrokerReady } from './wire.ts';

export { kafkaAvailable, MissingTool } from './classpath.ts';
export { makeSecurity } from './security.ts';

export interface BrokerOptions {
  /** Default: any free port. */
  readonly port?: number;
  /** Default: a temporary folder, gone at `stop`. One that is given stays, and a broker started on it again goes on. */
  readonly dataDir?: string;
  /** Default: `MILLRACE_KAFKA_VERSION`, or the version the project is tested with. */
  readonly version?: string;
  /** Added to the broker's server.properties, or put in the place of what is there. */
  readonly properties?: Readonly<Record<string, string>>;
  /** 16 bytes in base64url, for brokers of one cluster. Default: a cluster of its own. */
  readonly clusterId?: string;
  /** Listeners beside the open one, made by `makeSecurity`. */
  readonly security?: BrokerSecurity;
  /** Words in front of the broker's command line, such as `taskset -c 1`. They must end by becoming the command itself. */
  readonly prefix?: readonly string[];
  /** Told about slow steps. */
  readonly progress?: (line: string) => void;
}

export interface RunningBroker {
  /** `127.0.0.1:port` */
  readonly bootstrap: string;
  /** Changes with `restart`. */
  readonly pid: number;
  readonly logFile: string;
  /** Resolves when the process that runs now has ended, for whatever reason. */
  readonly ended: Promise<void>;
  /** The last lines of its log. */
  logTail(): string;
  /** Sends a signal, SIGKILL unless told, and returns when the process has ended. Data stay, for `restart`. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts anew with the same address and data, stopping a process that still runs. */
  restart(): Promise<void>;
  /** Ends the process and removes temporary data. */
  stop(): Promise<void>;
}

const HOST = '127.0.0.1';
const START_MS = 60_000;
const STOP_MS = 15_000;
const ASK_AGAIN_MS = 100;
const LOG_TAIL_LINES = 15;
/** Heap and logging: warnings on stderr, which goes to the log file. */
const JVM = ['-Xmx512m', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-Dorg.slf4j.simpleLogger.showDateTime=true'];

/**
 * Starts a broker and returns when it serves requests.
 * @throws MissingTool where Java or Maven is missing or the port is taken
 */
export async function startBroker(options: BrokerOptions = {}): Promise<RunningBroker> {
  const version = options.version ?? kafkaVersion();
  const classpath = await kafkaClasspath(version, options.progress ?? (() => {}));
  const port = await portFor(options.port);
  const folder = options.dataDir ?? mkdtempSync(join(tmpdir(), 'millrace-kafka-'));
  const broker = new BrokerProcess({
    classpath,
    port,
    folder,
    isTemporary: options.dataDir === undefined,
    clusterId: options.clusterId,
    security: options.security,
    prefix: options.prefix ?? [],
  });
  try {
    await broker.format(options.properties ?? {});
    await broker.start();
  } catch (error) {
    await broker.stop();
    throw error;
  }
  return broker;
}

async function portFor(wanted: number | undefined): Promise<number> {
  try {
    return await freePort(HOST, wanted);
  } catch (cause) {
    const hint = 'stop what listens there, or choose another with --port';
    throw new MissingTool(`port ${wanted} of ${HOST} is taken: ${hint}`, { cause });
  }
}

interface BrokerPlace {
  readonly classpath: string;
  readonly port: number;
  readonly folder: string;
  readonly isTemporary: boolean;
  readonly clusterId: string | undefined;
  readonly security: BrokerSecurity | undefined;
  readonly prefix: readonly string[];
}

class BrokerProcess implements RunningBroker {
  readonly bootstrap: string;
  readonly logFile: string;
  ended: Promise<void> = Promise.resolve();
  private readonly place: BrokerPlace;
  private readonly config: string;
  private child: ChildProcess | undefined;
  private readonly endWithParent = (): void => {
    this.child?.kill('SIGKILL');
    this.removeTemporary();
  };

  constructor(place: BrokerPlace) {
    this.place = place;
    this.bootstrap = `${HOST}:${place.port}`;
    this.logFile = join(place.folder, 'broker.log');
    this.config = join(place.folder, 'server.properties');
    // A broker must not outlive the process that asked for it, whatever ends that.
    process.on('exit', this.endWithParent);
  }

  get pid(): number {
    return this.child?.pid ?? -1;
  }

  async format(properties: Readonly<Record<string, string>>): Promise<void> {
    const { folder, port, security } = this.place;
    mkdirSync(folder, { recursive: true });
    const data = join(folder, 'data');
    const open = serverProperties(port, await freePort(HOST), data);
    const secured = security === undefined ? open : { ...open, ...securityProperties(security, open, folder) };
    const all = { ...secured, ...properties };
    writeFileSync(
      this.config,
      Object.entries(all)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(''),
    );
    if (existsSync(join(data, 'meta.properties'))) return;
    const clusterId = this.place.clusterId ?? newClusterId();
    const users = security === undefined ? [] : userArguments(security);
    this.run(['kafka.tools.StorageTool', 'format', `--cluster-id=${clusterId}`, '-c', this.config, ...users]);
    await this.ended;
    if (this.child?.exitCode !== 0) throw this.failure('the storage of the broker could not be formatted');
  }

  async start(): Promise<void> {
    this.run(['kafka.Kafka', this.config]);
    const deadline = Date.now() + START_MS;
    while (!(await isBrokerReady(HOST, this.place.port))) {
      if (!this.isRunning()) throw this.failure('the broker ended while it started');
      if (Date.now() > deadline) throw this.failure(`the broker was not ready after ${START_MS / 1000} s`);
      await sleep(ASK_AGAIN_MS);
    }
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.isRunning()) this.child?.kill(signal);
    await this.ended;
  }

  async restart(): Promise<void> {
    await this.end();
    await this.start();
  }

  async stop(): Promise<void> {
    await this.end();
    process.off('exit', this.endWithParent);
    this.removeTemporary();
  }

  logTail(): string {
    return readFileSync(this.logFile, 'utf8').trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n');
  }

  private async end(): Promise<void> {
    const child = this.child;
    const impatience = setTimeout(() => child?.kill('SIGKILL'), STOP_MS);
    await this.kill('SIGTERM');
    clearTimeout(impatience);
  }

  private isRunning(): boolean {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  private run(program: readonly string[]): void {
    const log = openSync(this.logFile, 'a');
    const [command, ...args] = [...this.place.prefix, 'java', ...JVM, '-cp', this.place.classpath, ...program];
    const child = spawn(command, args, { stdio: ['ignore', log, log] });
    closeSync(log);
    this.child = child;
    this.ended = new Promise((resolve) => {
      child.on('exit', () => resolve());
      child.on('error', () => resolve());
    });
  }

  private removeTemporary(): void {
    if (this.place.isTemporary) rmSync(this.place.folder, { recursive: true, force: true });
  }

  private failure(what: string): Error {
    return new Error(`${what}; the end of its log:\n${this.logTail()}`);
  }
}

export function newClusterId(): string {
  return randomBytes(16).toString('base64url');
}

function serverProperties(port: number, controllerPort: number, data: string): Record<string, string> {
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@${HOST}:${controllerPort}`,
    listeners: `PLAINTEXT://${HOST}:${port},CONTROLLER://${HOST}:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://${HOST}:${port}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': data,
    'num.partitions': '3',
    'auto.create.topics.enable': 'false',
    // Event times of tests and back-fills are old: by default Kafka would delete such records within minutes.
    'log.retention.ms': '-1',
    'offsets.topic.num.partitions': '1',
    'offsets.topic.replication.factor': '1',
    'transaction.state.log.num.partitions': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'share.coordinator.state.topic.num.partitions': '1',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
  };
}
