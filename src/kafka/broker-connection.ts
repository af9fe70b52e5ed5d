/** One connection to one broker: requests in, answers out, and every way of failing as one of two kinds of error. */
import { isIP } from 'node:net';
import {
  type API,
  apiVersionsV3,
  Connection,
  type ConnectionOptions,
  loggers,
  type ProtocolError,
  type ResponseError,
  type Writer,
} from '@platformatic/kafka';
import { messageOf } from '../core/errors.ts';
import type { Clock } from '../core/ports.ts';
import { type Address, formatAddress } from './address.ts';
import { closedTrouble, SASL_HINTS, type Security, tlsTrouble } from './connection-trouble.ts';
import { CODE } from './error-table.ts';
import { BrokerError, ConnectionError } from './failures.ts';
import type { SaslConfig, TlsConfig } from './kafka-config.ts';
import { RawChannel } from './raw-channel.ts';

// It would print requests as they are, the one that carries the password included.
loggers.protocol.enabled = false;

export interface ConnectionSettings {
  readonly clientId: string;
  readonly clock: Clock;
  readonly tls: TlsConfig | undefined;
  readonly sasl: SaslConfig | undefined;
}

/** A request that is written and read by us; its answer is bytes, without its header. */
export interface RawRequest {
  readonly key: number;
  readonly version: number;
  readonly payload: () => Writer;
}

/** What we speak, by API key: present in every broker from 3.1 on. */
export const VERSIONS: Readonly<Record<string, readonly [key: number, version: number]>> = {
  Produce: [0, 9],
  Fetch: [1, 13],
  ListOffsets: [2, 7],
  Metadata: [3, 12],
  OffsetCommit: [8, 8],
  OffsetFetch: [9, 8],
  FindCoordinator: [10, 4],
  InitProducerId: [22, 4],
};

const CONNECT_MS = 3_000;
const REQUEST_MS = 30_000;
/** Small requests, which are the library's to send, that may wait for an answer at once. */
const MAX_IN_FLIGHT = 64;

export class BrokerConnection {
  readonly address: string;
  private readonly wire: Connection;
  private readonly clock: Clock;
  private readonly security: Security;
  /** There once the library has connected and logged in. */
  private channel: RawChannel | undefined;
  private failure: ConnectionError | undefined;
  /** The broker has asked us to be quiet until then. */
  private quietUntil = 0;
  /** So many requests were answered, and so many wait for their answer. */
  private answers = 0;
  private waiting = 0;
  private isRetired = false;

  private constructor(address: string, wire: Connection, settings: ConnectionSettings) {
    this.address = address;
    this.wire = wire;
    this.clock = settings.clock;
    this.security = settings;
    // The library would log in again on the spot, and brokers refuse every other request until it has: we take another connection.
    wire.reauthenticate = () => this.retire();
    wire.on('error', (error) => this.fail(error));
    wire.on('close', () => this.fail(new Error('the connection was closed')));
  }

  /**
   * Connects, authenticates, and makes sure that it is a Kafka which speaks our versions.
   * @throws ConnectionError
   */
  static async open(address: Address, settings: ConnectionSettings): Promise<BrokerConnection> {
    const wire = new Connection(settings.clientId, wireOptions(address, settings));
    const connection = new BrokerConnection(formatAddress(address), wire, settings);
    const done = new AbortController();
    const slow = new Error(`no answer in Kafka's protocol within ${CONNECT_MS / 1000} s`);
    void settings.clock.sleep(CONNECT_MS, done.signal).then(() => {
      if (!done.signal.aborted) connection.drop(connection.connectionError(slow));
    });
    try {
      await wire.connect(address.host, address.port);
      await connection.checkVersions();
      connection.channel = new RawChannel(wire.socket, settings.clientId, settings.clock);
      return connection;
    } catch (error) {
      const failure = connection.failure ?? connection.connectionError(error);
      connection.drop(failure);
      throw failure;
    } finally {
      done.abort();
    }
  }

  /** Not when it is broken, nor when the broker lets us stay logged in for a little while only. */
  get isUsable(): boolean {
    return this.failure === undefined && !this.isRetired;
  }

  /**
   * Calls one of the library's API functions.
   * @throws BrokerError for the first error code in the answer, ConnectionError
   */
  async call<Arguments extends unknown[], Answer>(api: API<Arguments, Answer>, ...args: Arguments): Promise<Answer> {
    return this.answer((resolve, reject) =>
      api(this.wire, ...args, (error, answer) => {
        if (error) reject(error);
        else resolve(answer as Answer);
      }),
    );
  }

  /** Like `call`, and an answer with error codes in it is an answer, too: for requests about many things at once. */
  async callForAll<Arguments extends unknown[], Answer>(
    api: API<Arguments, Answer>,
    ...args: Arguments
  ): Promise<Answer> {
    return this.answer((resolve, reject) =>
      api(this.wire, ...args, (error, answer) => {
        const partly = (error as ResponseError | null)?.response as Answer | undefined;
        if (error && partly === undefined) reject(error);
        else resolve(partly ?? (answer as Answer));
      }),
    );
  }

  /**
   * Sends a request of our own making, before it returns for the first time. Its bytes must stay as they are until the answer.
   * @throws ConnectionError
   */
  async send({ key, version, payload }: RawRequest): Promise<Buffer> {
    return this.answer((resolve) => resolve(this.channel!.send({ key, version, payload: payload().buffers })));
  }

  /** What a broker under a quota asks for: to send nothing before `ms` have passed. */
  throttle(ms: number): void {
    if (ms > 0) this.quietUntil = this.clock.elapsed() + ms;
  }

  get isThrottled(): boolean {
    return this.clock.elapsed() < this.quietUntil;
  }

  /** Resolves when the broker wants to hear from us again. */
  async quiet(): Promise<void> {
    const quietMs = this.quietUntil - this.clock.elapsed();
    if (quietMs > 0) await this.clock.sleep(quietMs);
  }

  /** Ends the connection at once, and with it all that waits for an answer. */
  drop(reason = new ConnectionError(this.address, 'the connection was closed')): void {
    this.failure ??= reason;
    this.wire.socket?.destroy();
    this.wire.close(() => {});
    this.channel?.fail(this.failure);
  }

  private async answer<Answer>(
    ask: (resolve: (answer: Answer | Promise<Answer>) => void, reject: (reason: Error) => void) => void,
  ): Promise<Answer> {
    if (this.failure !== undefined) throw this.failure;
    this.waiting++;
    try {
      const answer = await new Promise<Answer>(ask);
      this.answers++;
      return answer;
    } catch (error) {
      throw this.judged(error as Error);
    } finally {
      this.waiting--;
      if (this.isRetired && this.waiting === 0) this.drop();
    }
  }

  /** Ends with the last answer that is still to come. */
  private retire(): void {
    this.isRetired = true;
    if (this.waiting === 0) this.drop();
  }

  /** A code of the broker's, or the end of the connection: one that was silent too long would give a late answer to another. */
  private judged(error: Error): Error {
    const codes = ((error as ResponseError).errors ?? []) as ProtocolError[];
    const code = codes.find(({ apiCode }) => apiCode !== CODE.operationNotAttempted) ?? codes[0];
    if (code !== undefined) return new BrokerError(code.apiCode, code.serverErrorMessage);
    const failure = this.failure ?? this.connectionError(error);
    this.drop(failure);
    return failure;
  }

  private fail(error: Error): void {
    this.failure ??= this.connectionError(error);
    this.channel?.fail(this.failure);
  }

  private connectionError(error: unknown): ConnectionError {
    if (error instanceof ConnectionError) return error;
    if (error instanceof BrokerError) return new ConnectionError(this.address, error.message);
    return connectionErrorOf(this.address, error as Error, this.answers, this.security);
  }

  private async checkVersions(): Promise<void> {
    const { apiKeys } = await this.call(apiVersionsV3.api, 'millrace', '1');
    for (const [name, [key, version]] of Object.entries(VERSIONS)) {
      const range = apiKeys.find(({ apiKey }) => apiKey === key);
      if (range !== undefined && range.minVersion <= version && version <= range.maxVersion) continue;
      const spoken = range === undefined ? 'not at all' : `in versions ${range.minVersion} to ${range.maxVersion}`;
      const reason = `it speaks ${name} ${spoken}, not ${version}`;
      throw new ConnectionError(this.address, reason, 'Kafka 3.1 is the oldest that will do');
    }
  }
}

function wireOptions({ host }: Address, { tls, sasl }: ConnectionSettings): ConnectionOptions {
  return {
    connectTimeout: CONNECT_MS,
    requestTimeout: REQUEST_MS,
    maxInflights: MAX_IN_FLIGHT,
    ...(tls && { tls: tlsOptions(tls), tlsServerName: tls.serverName ?? (isIP(host) === 0 && host) }),
    ...(sasl && {
      sasl: { mechanism: sasl.mechanism, username: sasl.username, password: () => sasl.password.reveal() },
    }),
  };
}

function tlsOptions({ ca, cert, key, rejectUnauthorized }: TlsConfig): NonNullable<ConnectionOptions['tls']> {
  return { ca, cert, key: key?.reveal(), rejectUnauthorized };
}

const SASL_CODES: Readonly<Record<number, string>> = {
  33: SASL_HINTS.mechanism,
  34: SASL_HINTS.unwanted,
};

/** The reason in words, from the innermost cause; nothing of the request is taken along, since it may hold a password. */
function connectionErrorOf(address: string, error: Error, answers: number, security: Security): ConnectionError {
  const chain = causesOf(error);
  const codes = chain.map((each) => (each as NodeJS.ErrnoException).code ?? '');
  const message = messageOf(chain.at(-1));
  if (codes.includes('PLT_KFK_AUTHENTICATION')) return authenticationError(address, chain);
  if (codes.includes('ECONNREFUSED')) return new ConnectionError(address, 'connection refused');
  if (codes.includes('ENOTFOUND') || codes.includes('EAI_AGAIN')) return new ConnectionError(address, 'unknown host');
  const isClosed = codes.includes('ECONNRESET') || CLOSED.test(message);
  const trouble = tlsTrouble(codes, message, security) ?? (isClosed ? closedTrouble(answers, security) : undefined);
  if (trouble === undefined) return new ConnectionError(address, message);
  return new ConnectionError(address, trouble.reason, trouble.hint, trouble.isFinal);
}

const CLOSED = /^(?:the )?connection (?:was )?closed/i;

function authenticationError(address: string, chain: readonly Error[]): ConnectionError {
  const protocol = chain.at(-1) as Partial<ProtocolError> & Error;
  const offered = chain.map(
    (each) => (each as Partial<ResponseError>).response as { mechanisms?: string[] } | undefined,
  );
  const mechanisms = offered.find((each) => each?.mechanisms?.length)?.mechanisms;
  const offers = mechanisms === undefined ? '' : `: it offers ${mechanisms.join(', ')}`;
  const reason = protocol.serverErrorMessage ?? protocol.message;
  const hint = SASL_CODES[protocol.apiCode ?? 0] ?? SASL_HINTS.failed;
  return new ConnectionError(address, `authentication failed: ${reason}`, `${hint}${offers}`);
}

function causesOf(error: Error): Error[] {
  const chain = [error];
  for (let next = inner(error); next instanceof Error && chain.length < 6; next = inner(next)) chain.push(next);
  return chain;
}

function inner(error: Error): unknown {
  return error.cause ?? (error as AggregateError).errors?.[0];
}
