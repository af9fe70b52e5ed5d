import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/core/secret.ts';
import { closedTrouble, tlsTrouble } from '../../src/kafka/connection-trouble.ts';
import type { SaslConfig, TlsConfig } from '../../src/kafka/kafka-config.ts';

const tls: TlsConfig = { rejectUnauthorized: true };
const presenting: TlsConfig = { ...tls, cert: 'a certificate', key: new Secret('a key') };
const sasl: SaslConfig = { mechanism: 'PLAIN', username: 'ann', password: new Secret('hunter2') };

describe('trouble with TLS', () => {
  it.each<[TlsConfig, string, string, string]>([
    [tls, 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'wants a certificate of ours', '--tls-cert FILE'],
    [tls, 'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', 'wants a certificate of ours', '--tls-key FILE'],
    [presenting, 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'does not accept our certificate', '--tls-cert'],
    [presenting, 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED', 'does not accept our certificate', '--tls-cert'],
    [tls, 'CERT_HAS_EXPIRED', 'has expired', 'renewed'],
    [tls, 'SELF_SIGNED_CERT_IN_CHAIN', 'is not trusted: as it was said', '--tls-ca FILE'],
    [tls, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'is not trusted: as it was said', '--tls-ca FILE'],
    [tls, 'ERR_TLS_CERT_ALTNAME_INVALID', 'as it was said', 'a name that is in the certificate'],
    [tls, 'ERR_SSL_WRONG_VERSION_NUMBER', 'WRONG_VERSION_NUMBER', 'leave --tls out'],
  ])('is told with the fix, once: %o %s', (config, code, reason, hint) => {
    const trouble = tlsTrouble(['PLT_KFK_NETWORK', code], 'as it was said', { tls: config, sasl: undefined });
    expect(trouble).toMatchObject({ isFinal: true });
    expect(trouble?.reason).toContain(reason);
    expect(trouble?.hint).toContain(hint);
  });

  it('may pass when the handshake was cut off: a broker that is stopping does that, too', () => {
    const message = 'Client network socket disconnected before secure TLS connection was established';
    expect(tlsTrouble(['ECONNRESET'], message, { tls, sasl })).toMatchObject({ isFinal: false });
  });

  it('is none where there is no TLS, or where the failure is about something else', () => {
    expect(tlsTrouble(['CERT_HAS_EXPIRED'], '', { tls: undefined, sasl })).toBeUndefined();
    expect(tlsTrouble(['ECONNREFUSED'], 'refused', { tls, sasl })).toBeUndefined();
  });
});

describe('a connection that was closed', () => {
  it.each([
    [0, undefined, undefined, 'does this listener want TLS (--tls)?'],
    [0, undefined, sasl, 'does this listener want TLS (--tls)?'],
    [1, undefined, undefined, 'does this listener want a user (--sasl-mechanism)?'],
    [1, tls, undefined, 'does this listener want a user (--sasl-mechanism)?'],
    [undefined, undefined, undefined, 'does this listener want TLS (--tls) or a user (--sasl-mechanism)?'],
    [undefined, tls, undefined, 'does this listener want a user (--sasl-mechanism)?'],
    [undefined, undefined, sasl, 'does this listener want TLS (--tls)?'],
  ])('after %s answers asks what its listener wants', (answers, tlsConfig, saslConfig, hint) => {
    expect(closedTrouble(answers, { tls: tlsConfig, sasl: saslConfig })).toMatchObject({ hint, isFinal: false });
  });

  it('says nothing of TLS or SASL once it has worked, or where both are set up', () => {
    expect(closedTrouble(2, { tls: undefined, sasl: undefined })).toBeUndefined();
    expect(closedTrouble(0, { tls, sasl })).toBeUndefined();
    expect(closedTrouble(1, { tls: undefined, sasl })).toBeUndefined();
  });
});
