/** Both drivers and the command line on a broker whose listeners want TLS, certificates, users and passwords. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeSecurity, type RunningBroker, startBroker } from '../../scripts/kafka/broker.ts';
import { issue, makeAuthority } from '../../scripts/kafka/certificates.ts';
import type { BrokerSecurity, ListenerName } from '../../scripts/kafka/security.ts';
import { MillraceError } from '../../src/core/errors.ts';
import { Secret } from '../../src/core/secret.ts';
import { connectKafka } from '../../src/kafka/kafka-client.ts';
import type { KafkaConfig, SaslConfig, SaslMechanism, TlsConfig } from '../../src/kafka/kafka-config.ts';
import { connectKafkajs } from '../../src/kafka/kafkajs/kafkajs-client.ts';
import type { LogClient } from '../../src/log/log-client.ts';
import { systemClock } from '../../src/time/clock.ts';
import { batchOf, numbered, readAll, shown, shownBatch } from '../log/records.ts';
import { describeKafka, uniqueName } from './kafka.ts';

const BIN = resolve(import.meta.dirname, '../../bin/millrace.js');
const WITHIN_MS = 10_000;
/** Sessions on SASL, so that some end during a test. */
const SESSION_MS = 2_000;
const WRONG_PASSWORD = 'not-the-password';

type Access = Pick<KafkaConfig, 'tls' | 'sasl'>;
const DRIVERS: Record<string, (config: KafkaConfig) => Promise<LogClient>> = {
  millrace: (config) => connectKafka({ ...config, clock: systemClock }),
  kafkajs: (config) => connectKafkajs({ ...config, clock: systemClock }),
};

let broker: RunningBroker;
let security: BrokerSecurity;

describeKafka('a secured cluster', () => {
  beforeAll(async () => {
    security = await makeSecurity();
    const properties = { 'listener.name.sasl.connections.max.reauth.ms': String(SESSION_MS) };
    broker = await startBroker({ security, properties });
  });
  afterAll(() => broker?.stop());

  describe.each(Object.keys(DRIVERS))('through the driver %s', (driver) => {
    const open = (address: string, access: Access): Promise<LogClient> =>
      DRIVERS[driver]({ ...access, brokers: [address], clientId: 'millrace-test', compression: 'none' });

    it.each<[string, ListenerName, () => Access]>([
      ['TLS', 'TLS', () => ({ tls: trusting(), sasl: undefined })],
      ['TLS and a certificate of our own', 'MTLS', () => ({ tls: presenting(security.client), sasl: undefined })],
      ['PLAIN over TLS', 'SASL_TLS', () => ({ tls: trusting(), sasl: user('PLAIN') })],
      ['SCRAM-SHA-256 over TLS', 'SASL_TLS', () => ({ tls: trusting(), sasl: user('SCRAM-SHA-256') })],
      ['SCRAM-SHA-512 over TLS', 'SASL_TLS', () => ({ tls: trusting(), sasl: user('SCRAM-SHA-512') })],
      ['SCRAM-SHA-512 without TLS', 'SCRAM', () => ({ tls: undefined, sasl: user('SCRAM-SHA-512') })],
    ])('appends, reads and commits by %s', async (_, listener, access) => {
      const client = await open(security.bootstrap[listener], access());
      const topic = uniqueName('secured');
      await client.createTopics([{ topic, partitions: 1 }]);
      expect(await client.append([batchOf(topic, 0, numbered(100))])).toEqual([0]);
      const batches = await readAll(client, { topic, partition: 0 }, 0, 100);
      expect(batches.flatMap(shownBatch)).toEqual(numbered(100).map(shown));
      const offset = { topic, partition: 0, offset: 100, metadata: 'epoch 1' };
      await client.commitGroup(topic, [offset]);
      expect(await client.groupOffsets(topic, [topic])).toEqual([offset]);
      await client.close();
      expect(revealed(inspect(client, { depth: 20, showHidden: true }))).toEqual([]);
    });

    it('loses nothing when sessions end and it has to log in again', async () => {
      const client = await open(security.bootstrap.SASL, { tls: undefined, sasl: user('SCRAM-SHA-256') });
      const topic = uniqueName('sessions');
      await client.createTopics([{ topic, partitions: 1 }]);
      const began = performance.now();
      let written = 0;
      while (performance.now() - began < 2 * SESSION_MS) {
        const parts = Array.from({ length: 5 }, (_, i) => numbered(10, `${written + i * 10}-`));
        await Promise.all(parts.map((part) => client.append([batchOf(topic, 0, part)])));
        written += 50;
        await client.fetch([{ topic, partition: 0, offset: written }], { maxBytes: 1_000, maxWaitMs: 50 });
      }
      const batches = await readAll(client, { topic, partition: 0 }, 0, written);
      const keys = batches.flatMap((batch) => Array.from({ length: batch.length }, (_, row) => String(batch.key(row))));
      const expected = Array.from({ length: written / 10 }, (_, i) => numbered(10, `${i * 10}-`)).flat();
      expect(keys).toEqual(expected.map(({ key }) => String(key)));
      await client.close();
    });

    it.concurrent.each<[string, ListenerName | 'open', () => Access, string, string, string]>([
      [
        'a wrong password with PLAIN',
        'SASL_TLS',
        () => ({ tls: trusting(), sasl: user('PLAIN', WRONG_PASSWORD) }),
        'CONFIG_INVALID',
        'authentication failed',
        'check user and password',
      ],
      [
        'a wrong password with SCRAM',
        'SASL_TLS',
        () => ({ tls: trusting(), sasl: user('SCRAM-SHA-512', WRONG_PASSWORD) }),
        'CONFIG_INVALID',
        'authentication failed',
        'check user and password',
      ],
      [
        'a mechanism that the listener does not have',
        'SCRAM',
        () => ({ tls: undefined, sasl: user('PLAIN') }),
        'CONFIG_INVALID',
        'does not support the requested SASL mechanism',
        'choose another --sasl-mechanism',
      ],
      [
        'a user where none is wanted',
        'TLS',
        () => ({ tls: trusting(), sasl: user('SCRAM-SHA-256') }),
        'CONFIG_INVALID',
        'SASL state',
        'leave --sasl-mechanism and user out',
      ],
      [
        'no user where one is wanted',
        'SASL_TLS',
        () => ({ tls: trusting(), sasl: undefined }),
        'LOG_UNAVAILABLE',
        'it closed the connection',
        'a user (--sasl-mechanism)',
      ],
      [
        'a broker that nobody vouches for',
        'TLS',
        () => ({ tls: { rejectUnauthorized: true }, sasl: undefined }),
        'CONFIG_INVALID',
        'its certificate is not trusted',
        '--tls-ca FILE',
      ],
      [
        'a broker that another authority vouches for',
        'TLS',
        () => ({ tls: { ...trusting(), ca: makeAuthority('another').cert }, sasl: undefined }),
        'CONFIG_INVALID',
        'its certificate is not trusted',
        '--tls-ca FILE',
      ],
      [
        'a broker by another name',
        'TLS',
        () => ({ tls: { ...trusting(), serverName: 'kafka.example' }, sasl: undefined }),
        'CONFIG_INVALID',
        'kafka.example',
        'advertised.listeners',
      ],
      [
        'no certificate where one is wanted',
        'MTLS',
        () => ({ tls: trusting(), sasl: undefined }),
        'CONFIG_INVALID',
        'it wants a certificate of ours',
        '--tls-cert FILE',
      ],
      [
        'a certificate of another authority',
        'MTLS',
        () => ({ tls: presenting(issue(makeAuthority('another'), 'stranger', [])), sasl: undefined }),
        'CONFIG_INVALID',
        'does not accept our certificate',
        '--tls-cert',
      ],
      [
        'no TLS where it is wanted',
        'TLS',
        () => ({ tls: undefined, sasl: undefined }),
        'LOG_UNAVAILABLE',
        'it closed the connection',
        'TLS (--tls)',
      ],
      [
        'a password without TLS where it is wanted',
        'SASL_TLS',
        () => ({ tls: undefined, sasl: user('SCRAM-SHA-256') }),
        'LOG_UNAVAILABLE',
        'it closed the connection',
        'TLS (--tls)',
      ],
      [
        'TLS where there is none',
        'open',
        () => ({ tls: trusting(), sasl: undefined }),
        'LOG_UNAVAILABLE',
        'before TLS was set up',
        'leave --tls out',
      ],
    ])(
      'refuses %s within seconds, with the fix and without a secret',
      async (_, listener, access, code, message, hint) => {
        const address = listener === 'open' ? broker.bootstrap : security.bootstrap[listener];
        const began = performance.now();
        const error = await open(address, access()).then(
          () => undefined,
          (thrown: unknown) => thrown as MillraceError,
        );
        expect(error).toBeInstanceOf(MillraceError);
        expect(error).toMatchObject({
          code,
          message: expect.stringContaining(message),
          hint: expect.stringContaining(hint),
        });
        expect(performance.now() - began).toBeLessThan(WITHIN_MS);
        const shown = `${inspect(error, { depth: 20, showHidden: true })} ${error?.stack} ${JSON.stringify(error)}`;
        expect(revealed(shown)).toEqual([]);
      },
    );
  });

  describe('the command line', () => {
    let folder: string;
    let ca: string;
    let passwordFile: string;

    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'millrace-secured-'));
      ca = join(folder, 'ca.pem');
      passwordFile = join(folder, 'password');
      writeFileSync(ca, security.ca);
      writeFileSync(passwordFile, `${security.user.password}\n`);
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    const talkative = { DEBUG: '*', NODE_DEBUG: 'net,tls,stream', KAFKAJS_DEBUG_PROTOCOL_BUFFERS: '1' };

    async function millrace(flags: readonly string[], variables: Record<string, string>) {
      const args = [BIN, 'orders', '--brokers', security.bootstrap.SASL_TLS, '--data', folder, '--once', ...flags];
      const child = spawn(process.execPath, args, { env: { ...process.env, ...talkative, ...variables } });
      let output = '';
      child.stdout.on('data', (data: Buffer) => (output += String(data)));
      child.stderr.on('data', (data: Buffer) => (output += String(data)));
      const code = await new Promise<number | null>((done) => child.on('close', done));
      return { code, output };
    }

    it.each(Object.keys(DRIVERS))('runs a pipeline by flags, through %s, and shows no secret', async (client) => {
      const flags = ['--client', client, '--tls-ca', ca, '--sasl-mechanism', 'SCRAM-SHA-512'];
      const login = ['--sasl-username', security.user.name, '--sasl-password-file', passwordFile];
      const some = ['--generate', '50', '--events', '60', '--start', '2024-01-01T00:00:00Z', '--group', client];
      const { code, output } = await millrace([...flags, ...login, ...some], {});
      expect(revealed(output)).toEqual([]);
      expect(output).toContain('processed-orders');
      expect(code).toBe(0);
    });

    it.each(Object.keys(DRIVERS))('refuses a wrong password of the environment, through %s', async (client) => {
      const { code, output } = await millrace([], {
        MILLRACE_CLIENT: client,
        MILLRACE_TLS_CA: ca,
        MILLRACE_SASL_MECHANISM: 'PLAIN',
        MILLRACE_SASL_USERNAME: security.user.name,
        MILLRACE_SASL_PASSWORD: WRONG_PASSWORD,
      });
      expect(revealed(output)).toEqual([]);
      expect(output).toContain('check user and password');
      expect(code).toBe(2);
    });
  });
});

function trusting(): TlsConfig {
  return { ca: security.ca, rejectUnauthorized: true };
}

function presenting({ cert, key }: { readonly cert: string; readonly key: string }): TlsConfig {
  return { ...trusting(), cert, key: new Secret(key) };
}

function user(mechanism: SaslMechanism, password = security.user.password): SaslConfig {
  return { mechanism, username: security.user.name, password: new Secret(password) };
}

/** The secrets that a text shows, as they are or as the bytes of a request are printed. */
function revealed(text: string): string[] {
  const secrets = [security.user.password, WRONG_PASSWORD];
  const login = secrets.map((password) => `\0${security.user.name}\0${password}`);
  const bytes = secrets.map((secret) => Buffer.from(secret));
  const forms = [
    ...secrets,
    ...login.map((each) => Buffer.from(each).toString('base64')),
    ...bytes.map((each) => each.toString('hex')),
    ...bytes.map((each) => each.toString('hex').replaceAll(/(..)(?=.)/g, '$1 ')),
    ...bytes.map((each) => each.join(',')),
    'PRIVATE KEY-----',
  ];
  return forms.filter((form) => text.includes(form));
}
