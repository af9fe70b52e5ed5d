/** TLS and SASL as kafkajs takes them, with no secret where inspecting its objects would show it. */
import { createSecureContext, type SecureContext } from 'node:tls';
import type { SaslConfig, TlsConfig } from '../kafka-config.ts';

export interface KafkajsTls {
  readonly secureContext: SecureContext;
  readonly rejectUnauthorized: boolean;
  /** Left out where the host of the address stands in. */
  readonly servername?: string;
}

export interface KafkajsSasl {
  readonly mechanism: string;
  readonly username: string;
  readonly password: string;
}

export function kafkajsTls(tls: TlsConfig | undefined): KafkajsTls | undefined {
  if (tls === undefined) return undefined;
  const { ca, cert, key, serverName, rejectUnauthorized } = tls;
  const secureContext = createSecureContext({ ca, cert, key: key?.reveal() });
  return { secureContext, rejectUnauthorized, ...(serverName !== undefined && { servername: serverName }) };
}

/** A new object for each connection: kafkajs keeps its own notes in it. */
export function kafkajsSasl(sasl: SaslConfig | undefined): KafkajsSasl | undefined {
  if (sasl === undefined) return undefined;
  const { mechanism, username, password } = sasl;
  return Object.defineProperty({ mechanism, username, password: '' }, 'password', {
    get: () => password.reveal(),
    enumerable: false,
  });
}
