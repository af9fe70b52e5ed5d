/** Secured listeners for a test broker: certificates, users and ports of their own, made anew each time. */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Identity, issue, makeAuthority } from './certificates.ts';
import { freePort } from './wire.ts';

export type ListenerName = keyof typeof LISTENERS;

export interface BrokerSecurity {
  /** `127.0.0.1:port` of each listener. */
  readonly bootstrap: Readonly<Record<ListenerName, string>>;
  /** PEM of the authority that the brokers' certificate, and the client's, are signed by. */
  readonly ca: string;
  /** What MTLS lets in. */
  readonly client: Identity;
  /** Known to every mechanism. */
  readonly user: { readonly name: string; readonly password: string };
  readonly broker: Identity;
}

const HOST = '127.0.0.1';
const NAMES = ['localhost', HOST];
const SCRAM = ['SCRAM-SHA-256', 'SCRAM-SHA-512'];
const EVERY = ['PLAIN', ...SCRAM];

const LISTENERS = {
  TLS: { protocol: 'SSL', mechanisms: [], asksForCertificate: false },
  MTLS: { protocol: 'SSL', mechanisms: [], asksForCertificate: true },
  SASL_TLS: { protocol: 'SASL_SSL', mechanisms: EVERY, asksForCertificate: false },
  SASL: { protocol: 'SASL_PLAINTEXT', mechanisms: EVERY, asksForCertificate: false },
  SCRAM: { protocol: 'SASL_PLAINTEXT', mechanisms: SCRAM, asksForCertificate: false },
} as const;
const LISTENER_NAMES = Object.keys(LISTENERS) as ListenerName[];

export async function makeSecurity(): Promise<BrokerSecurity> {
  const authority = makeAuthority('millrace test authority');
  const ports = await Promise.all(LISTENER_NAMES.map(() => freePort(HOST)));
  const bootstrap = Object.fromEntries(LISTENER_NAMES.map((name, i) => [name, `${HOST}:${ports[i]}`]));
  return {
    bootstrap: bootstrap as Record<ListenerName, string>,
    ca: authority.cert,
    client: issue(authority, 'millrace test client', []),
    user: { name: 'millrace', password: randomBytes(12).toString('base64url') },
    broker: issue(authority, 'millrace test broker', NAMES),
  };
}

/** What they add to the properties of a broker with an open listener; keys and certificates are put into the folder. */
export function securityProperties(
  security: BrokerSecurity,
  open: Readonly<Record<string, string>>,
  folder: string,
): Record<string, string> {
  const { bootstrap, broker, ca } = security;
  const keys = join(folder, 'broker.pem');
  const authority = join(folder, 'authority.pem');
  writeFileSync(keys, `${broker.key}${broker.cert}`, { mode: 0o600 });
  writeFileSync(authority, ca);
  const addresses = LISTENER_NAMES.map((name) => `${name}://${bootstrap[name]}`);
  const protocols = LISTENER_NAMES.map((name) => `${name}:${LISTENERS[name].protocol}`);
  const properties: Record<string, string> = {
    listeners: [open.listeners, ...addresses].join(),
    'advertised.listeners': [open['advertised.listeners'], ...addresses].join(),
    'listener.security.protocol.map': [open['listener.security.protocol.map'], ...protocols].join(),
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': keys,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': authority,
  };
  for (const name of LISTENER_NAMES) Object.assign(properties, listenerProperties(name, security));
  return properties;
}

function listenerProperties(name: ListenerName, { user }: BrokerSecurity): Record<string, string> {
  const { mechanisms, asksForCertificate } = LISTENERS[name];
  const prefix = `listener.name.${name.toLowerCase()}`;
  if (asksForCertificate) return { [`${prefix}.ssl.client.auth`]: 'required' };
  if (mechanisms.length === 0) return {};
  const modules = mechanisms.map((mechanism) => [
    `${prefix}.${mechanism.toLowerCase()}.sasl.jaas.config`,
    mechanism === 'PLAIN'
      ? `org.apache.kafka.common.security.plain.PlainLoginModule required user_${user.name}="${user.password}";`
      : 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
  ]);
  return { [`${prefix}.sasl.enabled.mechanisms`]: mechanisms.join(), ...Object.fromEntries(modules) };
}

/** SCRAM users are part of the metadata: they are made when the storage is formatted. */
export function userArguments({ user: { name, password } }: BrokerSecurity): string[] {
  return SCRAM.map((mechanism) => `--add-scram=${mechanism}=[name=${name},password=${password}]`);
}
