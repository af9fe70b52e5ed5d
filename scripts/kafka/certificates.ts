/** Certificates for tests, made when they are needed: an authority of one's own, and what it signs. */
import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIPv4 } from 'node:net';

/** A certificate and its private key, in PEM. */
export interface Identity {
  readonly name: string;
  readonly cert: string;
  readonly key: string;
}

const DAY_MS = 86_400_000;
const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bits: 0x03,
  octets: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  sequence: 0x30,
  set: 0x31,
  time: 0x17,
} as const;
/** Fields that are told by their number: [0] version, [3] extensions; in a subjectAltName [2] DNS name, [7] address. */
const FIELD = { version: 0xa0, extensions: 0xa3, dnsName: 0x82, address: 0x87 } as const;
/** Object identifiers, encoded. */
const OID = {
  ecdsaWithSha256: '2a8648ce3d040302',
  commonName: '550403',
  subjectAltName: '551d11',
  basicConstraints: '551d13',
} as const;

/** A certificate that signs others. */
export function makeAuthority(name: string): Identity {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const constraints = extension(OID.basicConstraints, der(TAG.sequence, der(TAG.boolean, [0xff])));
  return identity(name, publicKey, privateKey, { name, key: privateKey }, constraints);
}

/** A certificate for a broker, with the names and addresses it may be reached by, or for a client, without any. */
export function issue(authority: Identity, name: string, hosts: readonly string[]): Identity {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const names = hosts.map((host) =>
    isIPv4(host) ? der(FIELD.address, host.split('.').map(Number)) : der(FIELD.dnsName, Buffer.from(host)),
  );
  const alternatives = names.length === 0 ? [] : [extension(OID.subjectAltName, der(TAG.sequence, ...names))];
  const issuer = { name: authority.name, key: createPrivateKey(authority.key) };
  return identity(name, publicKey, privateKey, issuer, ...alternatives);
}

/** @see https://www.rfc-editor.org/rfc/rfc5280#section-4.1 */
function identity(
  name: string,
  publicKey: KeyObject,
  privateKey: KeyObject,
  issuer: { readonly name: string; readonly key: KeyObject },
  ...extensions: Buffer[]
): Identity {
  const algorithm = der(TAG.sequence, oid(OID.ecdsaWithSha256));
  const now = Date.now();
  const body = der(
    TAG.sequence,
    der(FIELD.version, der(TAG.integer, [2])),
    // Positive: its first bit is off, and some other in its first byte is on.
    der(TAG.integer, [0x40], randomBytes(8)),
    algorithm,
    distinguishedName(issuer.name),
    der(TAG.sequence, utcTime(now - DAY_MS), utcTime(now + DAY_MS)),
    distinguishedName(name),
    publicKey.export({ type: 'spki', format: 'der' }),
    ...(extensions.length === 0 ? [] : [der(FIELD.extensions, der(TAG.sequence, ...extensions))]),
  );
  const signature = der(TAG.bits, [0], sign('sha256', body, issuer.key));
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  return { name, cert: pem(der(TAG.sequence, body, algorithm, signature)), key };
}

function distinguishedName(name: string): Buffer {
  const attribute = der(TAG.sequence, oid(OID.commonName), der(TAG.utf8, Buffer.from(name)));
  return der(TAG.sequence, der(TAG.set, attribute));
}

function extension(id: string, value: Buffer): Buffer {
  return der(TAG.sequence, oid(id), der(TAG.octets, value));
}

function oid(hex: string): Buffer {
  return der(TAG.oid, Buffer.from(hex, 'hex'));
}

/** `YYMMDDhhmmssZ` */
function utcTime(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replaceAll(/\D/g, '').slice(2, 14);
  return der(TAG.time, Buffer.from(`${digits}Z`));
}

/** One value of DER: tag, length, contents. */
function der(tag: number, ...parts: readonly (Uint8Array | readonly number[])[]): Buffer {
  const contents = Buffer.concat(parts.map((part) => Buffer.from(part as Uint8Array)));
  const size = contents.length;
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), contents]);
}

function pem(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g)!;
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
