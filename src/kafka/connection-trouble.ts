/** Why two sides that reach each other do not get along: TLS and SASL, in words with the fix. Both drivers say it so. */
import type { KafkaConfig } from './kafka-config.ts';

export type Security = Pick<KafkaConfig, 'tls' | 'sasl'>;

export interface Trouble {
  readonly reason: string;
  readonly hint: string;
  /** Another try would end the same way. */
  readonly isFinal: boolean;
}

/** An alert of the broker's about our certificate, which may also be that there is none. */
const OWN_CERTIFICATE = /^ERR_SSL_.*ALERT_(?:.*CERTIFICATE|UNKNOWN_CA|HANDSHAKE_FAILURE|ACCESS_DENIED)/;
const THEIR_CERTIFICATE = /SELF_SIGNED|UNABLE_TO_|CERT_/;
const UNFINISHED_HANDSHAKE = /before secure TLS connection was established/;

export const SASL_HINTS = {
  failed: 'check user and password, and whether --sasl-mechanism is the one that this user was made for',
  unwanted: 'leave --sasl-mechanism and user out, or connect to a listener that wants them',
  mechanism: 'choose another --sasl-mechanism',
} as const;
const NOT_TLS = 'does this listener speak TLS? leave --tls out for one that does not';

/** What the codes and the message of a failure say about TLS; `undefined` when they say nothing. */
export function tlsTrouble(codes: readonly string[], message: string, { tls }: Security): Trouble | undefined {
  if (tls === undefined) return undefined;
  if (codes.some((code) => OWN_CERTIFICATE.test(code))) {
    return tls.cert === undefined
      ? final('it wants a certificate of ours', 'add --tls-cert FILE and --tls-key FILE')
      : final('it does not accept our certificate', 'give --tls-cert one that its authority has signed');
  }
  if (codes.includes('ERR_TLS_CERT_ALTNAME_INVALID')) {
    return final(message, 'use a name that is in the certificate, here and in advertised.listeners');
  }
  if (codes.includes('CERT_HAS_EXPIRED')) return final('its certificate has expired', 'it has to be renewed there');
  if (codes.some((code) => THEIR_CERTIFICATE.test(code))) {
    const hint = 'give the authority that signed it with --tls-ca FILE';
    return final(`its certificate is not trusted: ${message}`, hint);
  }
  const code = codes.find((each) => each.startsWith('ERR_SSL'));
  if (code !== undefined) return final(`it does not take TLS as we speak it (${code})`, NOT_TLS);
  if (!UNFINISHED_HANDSHAKE.test(message)) return undefined;
  return { reason: 'it closed the connection before TLS was set up', hint: NOT_TLS, isFinal: false };
}

/**
 * A connection that the other side closed after so many answers, `undefined` if nobody has counted. A broker that is stopping
 * does that; so does one that is spoken to in another way than its listener wants, and it cannot say so.
 */
export function closedTrouble(answers: number | undefined, { tls, sasl }: Security): Trouble | undefined {
  const wants: string[] = [];
  if (tls === undefined && (answers ?? 0) === 0) wants.push('TLS (--tls)');
  // The versions that it speaks are told to everybody, and all else to those who have logged in.
  if (sasl === undefined && (answers ?? 1) === 1) wants.push('a user (--sasl-mechanism)');
  if (wants.length === 0) return undefined;
  const hint = `does this listener want ${wants.join(' or ')}?`;
  return { reason: 'it closed the connection', hint, isFinal: false };
}

function final(reason: string, hint: string): Trouble {
  return { reason, hint, isFinal: true };
}
