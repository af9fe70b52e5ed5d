import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { issue, makeAuthority } from '../../scripts/kafka/certificates.ts';
import { MillraceError } from '../../src/core/errors.ts';
import { kafkaConfig, type KafkaPlace } from '../../src/kafka/kafka-config.ts';
import type { KafkaFlags } from '../../src/kafka/kafka-settings.ts';

const PASSWORD = 'pa,ss=wörd';
const authority = makeAuthority('an authority');
const client = issue(authority, 'a client', []);
const other = issue(authority, 'another client', []);

const FILES: Readonly<Record<string, string>> = {
  'ca.pem': `a remark\n${authority.cert}${other.cert}`,
  'cert.pem': client.cert,
  'key.pem': client.key,
  'both.pem': `${client.cert}${client.key}`,
  'other-key.pem': other.key,
  'encrypted.pem': '-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n',
  'old-encrypted.pem':
    '-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIB\n-----END RSA PRIVATE KEY-----\n',
  'damaged.pem': '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n',
  'damaged-key.pem': '-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n',
  'store.jks': '\xfe\xed\xfe\xed',
  password: `${PASSWORD}\n`,
  empty: '\n',
  lines: `${PASSWORD}\nmore\n`,
};

function readFile(path: string): string {
  if (FILES[path] !== undefined) return FILES[path];
  const code = path === 'folder' ? 'EISDIR' : 'ENOENT';
  throw Object.assign(new Error(`${code}: open '${path}'`), { code });
}

type Variables = Record<string, string | undefined>;

function read(flags: KafkaFlags, variables: Variables = {}): KafkaPlace {
  return kafkaConfig({ brokers: 'kafka.example:9093', ...flags }, { variables, readFile })!;
}

function failure(flags: KafkaFlags, variables: Variables = {}): MillraceError {
  try {
    read(flags, variables);
  } catch (thrown) {
    if (thrown instanceof MillraceError) return thrown;
    throw thrown;
  }
  throw new Error('it was accepted');
}

const scram = { saslMechanism: 'SCRAM-SHA-512', saslUsername: 'ann', saslPasswordFile: 'password' } as const;

describe('the configuration of Kafka', () => {
  it('is none where no broker is named', () => {
    const variables = { KAFKA_BOOTSTRAP_SERVERS: '', MILLRACE_TLS: 'true' };
    expect(kafkaConfig({}, { variables, readFile })).toBeUndefined();
  });

  it('is plain for brokers alone', () => {
    expect(read({ brokers: ' a:9092, [::1]:9093' })).toEqual({
      brokers: ['a:9092', '[::1]:9093'],
      clientId: 'millrace',
      tls: undefined,
      sasl: undefined,
      compression: 'none',
      client: 'millrace',
    });
  });

  it('comes from flags', () => {
    const config = read({ ...scram, tlsCa: 'ca.pem', tlsCert: 'cert.pem', tlsKey: 'key.pem', compression: 'lz4' });
    expect(config).toMatchObject({
      tls: { ca: FILES['ca.pem'], cert: client.cert, rejectUnauthorized: true },
      sasl: { mechanism: 'SCRAM-SHA-512', username: 'ann' },
      compression: 'lz4',
    });
    expect(config.tls?.key?.reveal()).toBe(client.key);
    expect(config.sasl?.password.reveal()).toBe(PASSWORD);
  });

  it('comes from the environment, and a flag goes before its variable', () => {
    const variables = {
      KAFKA_BOOTSTRAP_SERVERS: 'e:1',
      MILLRACE_CLIENT: 'kafkajs',
      MILLRACE_COMPRESSION: 'gzip',
      MILLRACE_TLS: 'true',
      MILLRACE_TLS_CA: 'missing.pem',
      MILLRACE_TLS_CERT: 'both.pem',
      MILLRACE_TLS_KEY: 'both.pem',
      MILLRACE_SASL_MECHANISM: 'plain',
      MILLRACE_SASL_USERNAME: 'eve',
      MILLRACE_SASL_PASSWORD: PASSWORD,
    };
    const flags = { tlsCa: 'ca.pem', compression: 'none', saslUsername: 'ann' };
    const config = kafkaConfig(flags, { variables, readFile });
    expect(config).toMatchObject({
      brokers: ['e:1'],
      client: 'kafkajs',
      compression: 'none',
      tls: { ca: FILES['ca.pem'], cert: FILES['both.pem'] },
      sasl: { mechanism: 'PLAIN', username: 'ann' },
    });
    expect(config?.sasl?.password.reveal()).toBe(PASSWORD);
  });

  it('takes a password file by a flag before a password by a variable', () => {
    const config = read(scram, { MILLRACE_SASL_PASSWORD: 'of the environment' });
    expect(config.sasl?.password.reveal()).toBe(PASSWORD);
  });

  it.each<[KafkaFlags, Variables]>([
    [{ tls: true }, {}],
    [{}, { MILLRACE_TLS: 'yes' }],
    [{}, { MILLRACE_TLS: '1' }],
  ])('trusts the authorities that Node brings when TLS is only turned on: %j %j', (flags, variables) => {
    expect(read(flags, variables).tls).toEqual({ rejectUnauthorized: true });
    expect(read({}, { MILLRACE_TLS: 'false' }).tls).toBeUndefined();
  });

  it('can be printed: neither password nor private key is in it', () => {
    const config = read({ ...scram, tlsCert: 'cert.pem', tlsKey: 'key.pem' });
    const shown = `${JSON.stringify(config)} ${inspect(config, { depth: 9, showHidden: true })}`;
    expect(shown).not.toContain(PASSWORD);
    expect(shown).not.toContain('PRIVATE KEY');
    expect(shown).toContain('***');
  });
});

describe('a misconfiguration', () => {
  const user = { saslMechanism: 'SCRAM-SHA-256', saslUsername: 'ann' } as const;
  const secret = { MILLRACE_SASL_PASSWORD: PASSWORD };

  it.each<[string, KafkaFlags, Variables, string, string]>([
    ['a user without a mechanism', { saslUsername: 'ann' }, secret, '--sasl-username', '--sasl-mechanism'],
    ['a password without a user', {}, secret, 'MILLRACE_SASL_PASSWORD', 'MILLRACE_SASL_MECHANISM'],
    ['a mechanism without a user', { saslMechanism: 'PLAIN' }, secret, '--sasl-mechanism', '--sasl-username NAME'],
    ['an empty user', { ...user, saslUsername: '' }, secret, 'without a user', 'MILLRACE_SASL_USERNAME'],
    ['a user without a password', user, {}, '--sasl-username', 'MILLRACE_SASL_PASSWORD'],
    ['an unknown mechanism', { ...user, saslMechanism: 'GSSAPI' }, secret, "'GSSAPI'", 'PLAIN, SCRAM-SHA-256'],
    ['a mechanism of the environment', {}, { MILLRACE_SASL_MECHANISM: 'x' }, 'MILLRACE_SASL_MECHANISM', 'choose one'],
    ['a password file that is missing', { ...user, saslPasswordFile: 'no' }, {}, '--sasl-password-file', 'path'],
    ['a password file that is empty', { ...user, saslPasswordFile: 'empty' }, {}, 'the file is empty', 'password'],
    ['a password file of lines', { ...user, saslPasswordFile: 'lines' }, {}, 'several lines', 'nothing else'],
    [
      'a password and a password file in the environment',
      user,
      { ...secret, MILLRACE_SASL_PASSWORD_FILE: 'password' },
      'MILLRACE_SASL_PASSWORD_FILE and MILLRACE_SASL_PASSWORD are both set',
      'leave one',
    ],
    ['an authority that is missing', { tlsCa: 'no.pem' }, {}, '--tls-ca: the file no.pem', 'path'],
    ['an authority of the environment', {}, { MILLRACE_TLS_CA: 'folder' }, 'MILLRACE_TLS_CA: the file folder', 'path'],
    ['an authority in another format', { tlsCa: 'store.jks' }, {}, 'no certificate in PEM form', 'keytool'],
    ['an authority that is a key', { tlsCa: 'key.pem' }, {}, 'no certificate in PEM form', 'PEM'],
    ['an authority that is damaged', { tlsCa: 'damaged.pem' }, {}, 'cannot be read', 'PEM'],
    ['a certificate without a key', { tlsCert: 'cert.pem' }, {}, '--tls-cert', '--tls-key FILE'],
    ['a key without a certificate', { tlsKey: 'key.pem' }, {}, '--tls-key', '--tls-cert FILE'],
    ['a key of another', { tlsCert: 'cert.pem', tlsKey: 'other-key.pem' }, {}, 'is not the key of', 'belong together'],
    ['a key that is encrypted', { tlsCert: 'cert.pem', tlsKey: 'encrypted.pem' }, {}, 'encrypted', 'openssl pkey'],
    ['a key encrypted of old', { tlsCert: 'cert.pem', tlsKey: 'old-encrypted.pem' }, {}, 'encrypted', 'openssl pkey'],
    ['a key that is damaged', { tlsCert: 'cert.pem', tlsKey: 'damaged-key.pem' }, {}, 'damaged', 'PEM'],
    ['a key that is a certificate', { tlsCert: 'cert.pem', tlsKey: 'cert.pem' }, {}, 'no private key', 'PEM'],
    ['TLS turned off and set up', { tlsCa: 'ca.pem' }, { MILLRACE_TLS: 'no' }, 'MILLRACE_TLS turns TLS off', 'leave'],
    ['TLS maybe', {}, { MILLRACE_TLS: 'maybe' }, "MILLRACE_TLS: 'maybe'", 'true or false'],
    ['an unknown compression', { compression: 'zip' }, {}, "--compression: 'zip'", 'none, gzip, snappy, lz4'],
    ['an unknown client', {}, { MILLRACE_CLIENT: 'java' }, "MILLRACE_CLIENT: 'java'", 'millrace, kafkajs'],
    ['compression through kafkajs', { client: 'kafkajs', compression: 'lz4' }, {}, '--compression lz4', '--client'],
    ['an address that is none', { brokers: 'kafka' }, {}, "'kafka'", 'host:port'],
    ['a port that is none', { brokers: 'kafka:0' }, {}, "'kafka:0'", 'host:port'],
  ])('is told with the fix: %s', (_, flags, variables, message, hint) => {
    const error = failure(flags, variables);
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', exitCode: 2 });
    expect(error.message).toContain(message);
    expect(error.hint).toContain(hint);
    expect(inspect(error, { depth: 9 })).not.toContain(PASSWORD);
  });

  it('is a flag about Kafka where no broker is named', () => {
    expect(() => kafkaConfig({ tls: true }, { variables: {}, readFile })).toThrow('--tls is about Kafka');
  });

  it('never repeats what may be a password', () => {
    for (const error of [
      failure({ brokers: `ann:${PASSWORD}@kafka:9092` }),
      failure({ ...user, saslPasswordFile: PASSWORD }),
    ]) {
      expect(inspect(error, { depth: 9 })).not.toContain(PASSWORD);
    }
  });
});

describe('SASL PLAIN without TLS', () => {
  const plain = { saslMechanism: 'PLAIN', saslUsername: 'ann', saslPasswordFile: 'password' } as const;

  it.each(['localhost:1', '127.0.0.1:1,127.8.9.1:2', '[::1]:1', 'kafka.localhost:1'])(
    'may go to %s, on the same machine',
    (brokers) => {
      expect(read({ ...plain, brokers }).sasl?.mechanism).toBe('PLAIN');
    },
  );

  it.each(['kafka:1', 'localhost:1,10.0.0.1:2', '127.0.0.1.example:1', 'localhost.example:1'])(
    'does not go to %s, unless it is asked for',
    (brokers) => {
      const error = failure({ ...plain, brokers });
      expect(error.message).toContain('for everybody on the way to read');
      expect(error.hint).toContain('--allow-cleartext-password');
      expect(read({ ...plain, brokers, allowCleartextPassword: true }).sasl?.mechanism).toBe('PLAIN');
      const variables = { MILLRACE_ALLOW_CLEARTEXT_PASSWORD: 'true' };
      expect(read({ ...plain, brokers }, variables).sasl?.mechanism).toBe('PLAIN');
    },
  );

  it('goes anywhere with TLS, and so does SCRAM without it', () => {
    expect(read({ ...plain, tls: true }).tls).toBeDefined();
    expect(read(scram).tls).toBeUndefined();
  });
});
