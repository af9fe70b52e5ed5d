/** Certificates and keys, checked before anybody connects with them. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { messageOf } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import type { TlsConfig } from './kafka-config.ts';
import { invalid, nameOf, type Setting, type Settings } from './kafka-settings.ts';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const KEY = /-----BEGIN (?:\w+ )?PRIVATE KEY-----/;
const ENCRYPTED_KEY = /-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED/;
const TO_PEM = 'give PEM text; `keytool -importkeystore … -deststoretype PKCS12` and `openssl pkcs12` make it of a JKS';

/** `undefined` for a connection without TLS. */
export function tlsOf(settings: Settings): TlsConfig | undefined {
  const isOn = settings.isOn('tls');
  const [ca, cert, key] = [settings.get('tlsCa'), settings.get('tlsCert'), settings.get('tlsKey')];
  const detail = ca ?? cert ?? key;
  if (isOn === false && detail !== undefined) {
    throw invalid(`${settings.get('tls')!.name} turns TLS off, and ${detail.name} wants it`, 'leave one of them out');
  }
  if (!isOn && detail === undefined) return undefined;
  if (cert !== undefined && key === undefined) {
    throw invalid(`${cert.name} is a certificate without its private key`, `add ${nameOf('tlsKey', 'FILE')}`);
  }
  if (cert === undefined && key !== undefined) {
    throw invalid(`${key.name} is a private key without its certificate`, `add ${nameOf('tlsCert', 'FILE')}`);
  }
  return {
    // A broker whose certificate cannot be verified could be anybody: there is no setting that lets it in.
    rejectUnauthorized: true,
    ...(ca && { ca: certificatesIn(ca, settings).text }),
    ...(cert && key && identity(cert, key, settings)),
  };
}

function identity(cert: Setting, key: Setting, settings: Settings): Pick<TlsConfig, 'cert' | 'key'> {
  const { text, first } = certificatesIn(cert, settings);
  const privateKey = privateKeyIn(key, settings);
  if (!first.checkPrivateKey(privateKey.object)) {
    throw invalid(
      `${key.name} ${key.value} is not the key of ${cert.name} ${cert.value}`,
      'give the two that belong together',
    );
  }
  return { cert: text, key: new Secret(privateKey.text) };
}

function certificatesIn(
  setting: Setting,
  settings: Settings,
): { readonly text: string; readonly first: X509Certificate } {
  const { name, value } = setting;
  const text = settings.file(setting);
  const found = text.match(CERTIFICATE) ?? [];
  if (found.length === 0) throw invalid(`${name}: ${value} holds no certificate in PEM form`, TO_PEM);
  try {
    const [first] = found.map((each) => new X509Certificate(each));
    return { text, first };
  } catch (thrown) {
    throw invalid(`${name}: a certificate in ${value} cannot be read: ${messageOf(thrown)}`, TO_PEM);
  }
}

function privateKeyIn(setting: Setting, settings: Settings): { readonly text: string; readonly object: KeyObject } {
  const { name, value } = setting;
  const text = settings.file(setting);
  if (ENCRYPTED_KEY.test(text)) {
    const hint = 'decrypt it with `openssl pkey -in FILE -out NEW`, and let nobody else read the new file';
    throw invalid(`${name}: the private key in ${value} is encrypted`, hint);
  }
  if (!KEY.test(text)) throw invalid(`${name}: ${value} holds no private key in PEM form`, TO_PEM);
  try {
    return { text, object: createPrivateKey(text) };
  } catch {
    throw invalid(`${name}: the private key in ${value} is damaged`, TO_PEM);
  }
}
