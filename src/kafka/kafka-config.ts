/** How to reach a Kafka cluster: from flags and variables to a checked configuration that can be printed safely. */
import { Secret } from '../core/secret.ts';
import { formatAddress, parseAddresses } from './address.ts';
import type { Compression } from './compression.ts';
import {
  COMPRESSIONS,
  type ConfigEnvironment,
  DRIVERS,
  invalid,
  type KafkaFlags,
  nameOf,
  PASSWORD_VARIABLE,
  SASL_MECHANISMS,
  SETTINGS,
  Settings,
} from './kafka-settings.ts';
import { tlsOf } from './tls-config.ts';

export interface KafkaConfig {
  /** `host:port` each; one that answers is enough to find the others. */
  readonly brokers: readonly string[];
  /** What the brokers' logs and quotas call this program. */
  readonly clientId: string;
  readonly tls: TlsConfig | undefined;
  readonly sasl: SaslConfig | undefined;
  /** Of what is written; all that Kafka knows is read. */
  readonly compression: Compression;
  /** Bytes of a record batch, at most. Default 1,000,000: brokers take 1,048,588 unless told otherwise. */
  readonly batchBytes?: number;
}

export interface TlsConfig {
  /** PEM: the authorities to trust, in place of those that Node brings. */
  readonly ca?: string;
  /** PEM: who we are, where brokers want to know by certificate. */
  readonly cert?: string;
  readonly key?: Secret;
  /** The name that the broker's certificate must bear; without it, the host of its address. */
  readonly serverName?: string;
  readonly rejectUnauthorized: boolean;
}

export interface SaslConfig {
  readonly mechanism: SaslMechanism;
  readonly username: string;
  readonly password: Secret;
}

export type SaslMechanism = (typeof SASL_MECHANISMS)[number];

/** `millrace`: the driver over raw connections. `kafkajs`: the one through kafkajs, to cross-check; at-least-once only. */
export type KafkaDriver = (typeof DRIVERS)[number];

/** What a command line says of Kafka, checked. */
export interface KafkaPlace extends KafkaConfig {
  readonly client: KafkaDriver;
}

const CLIENT_ID = 'millrace';
const LOOPBACK = /^(?:localhost|.+\.localhost|127(?:\.\d{1,3}){3}|::1)$/i;

/**
 * The configuration that flags and environment describe; `undefined` where no broker is named. A flag goes before its
 * variable. Files are read here, once.
 * @throws MillraceError CONFIG_INVALID, naming the flag or variable and the fix, and never a secret
 */
export function kafkaConfig(flags: KafkaFlags, environment: ConfigEnvironment): KafkaPlace | undefined {
  const settings = new Settings(flags, environment);
  const brokers = settings.get('brokers');
  if (brokers === undefined) {
    const flag = settings.firstFlagBut('brokers');
    if (flag === undefined) return undefined;
    throw invalid(`${flag} is about Kafka, and no broker is named`, `add ${nameOf('brokers', 'host:port')}`);
  }
  const addresses = parseAddresses(brokers.value.split(',').map((each) => each.trim()));
  const tls = tlsOf(settings);
  const sasl = saslOf(settings);
  if (sasl?.mechanism === 'PLAIN' && tls === undefined && !settings.isOn('allowCleartextPassword')) {
    const far = addresses.find(({ host }) => !LOOPBACK.test(host));
    if (far !== undefined) throw cleartext(formatAddress(far));
  }
  const client = settings.oneOf('client', DRIVERS) ?? 'millrace';
  const compression = settings.oneOf('compression', COMPRESSIONS) ?? 'none';
  if (client === 'kafkajs' && compression !== 'none') {
    const names = `${settings.get('compression')!.name} ${compression}`;
    throw invalid(`${names} is not to be had through kafkajs`, 'leave it out, or write --client millrace');
  }
  return { brokers: addresses.map(formatAddress), clientId: CLIENT_ID, tls, sasl, compression, client };
}

/** Brokers that let everybody in, over connections that everybody can read. */
export function plainKafka(brokers: string | undefined): KafkaPlace | undefined {
  return kafkaConfig({ brokers }, { variables: {}, readFile: () => '' });
}

function saslOf(settings: Settings): SaslConfig | undefined {
  const mechanism = settings.oneOf('saslMechanism', SASL_MECHANISMS);
  const username = settings.get('saslUsername');
  const password = passwordOf(settings);
  const given = settings.get('saslMechanism') ?? username ?? password;
  if (given === undefined) return undefined;
  if (mechanism === undefined) {
    throw invalid(
      `${given.name} was given without a SASL mechanism`,
      `add ${nameOf('saslMechanism', SASL_MECHANISMS.join('|'))}, as the listener wants it`,
    );
  }
  if (username === undefined || username.value === '') {
    throw invalid(`${given.name} was given without a user`, `add ${nameOf('saslUsername', 'NAME')}`);
  }
  if (password === undefined) {
    throw invalid(
      `${username.name} was given without a password`,
      `set ${PASSWORD_VARIABLE}, or add ${nameOf('saslPasswordFile', 'FILE')}`,
    );
  }
  return { mechanism, username: username.value, password: password.secret };
}

interface Password {
  /** The flag or variable that it came by. */
  readonly name: string;
  readonly secret: Secret;
}

function passwordOf(settings: Settings): Password | undefined {
  const file = settings.get('saslPasswordFile');
  const variable = settings.variable(PASSWORD_VARIABLE);
  if (file === undefined) return variable && { name: variable.name, secret: new Secret(variable.value) };
  if (variable !== undefined && file.name !== SETTINGS.saslPasswordFile.flag) {
    throw invalid(`${file.name} and ${variable.name} are both set`, 'leave one of them out');
  }
  // Editors and `echo` end a file by a line break that is not meant.
  const text = settings.file(file, { secret: true }).replace(/\r?\n$/, '');
  if (text === '') throw invalid(`${file.name}: the file is empty`, 'write the password into it, and nothing else');
  if (/[\r\n]/.test(text)) {
    throw invalid(`${file.name}: the file has several lines`, 'write the password into it, and nothing else');
  }
  return { name: file.name, secret: new Secret(text) };
}

function cleartext(address: string) {
  return invalid(
    `SASL PLAIN without TLS would send the password to ${address} for everybody on the way to read`,
    `add --tls, or a SCRAM mechanism; where the way is safe, ${nameOf('allowCleartextPassword')}`,
  );
}
