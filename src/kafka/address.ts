/** Addresses of brokers. */
import { MillraceError } from '../core/errors.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** @throws MillraceError CONFIG_INVALID for what is no `host:port` */
export function parseAddresses(texts: readonly string[]): Address[] {
  if (texts.length === 0) throw new MillraceError('CONFIG_INVALID', 'no Kafka broker was named');
  return texts.map(parseAddress);
}

export function formatAddress({ host, port }: Address): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

const HINT = 'write host:port, several with commas, as in 127.0.0.1:9092';

function parseAddress(text: string): Address {
  if (text.includes('@')) {
    // What stands there may be a password.
    throw new MillraceError(
      'CONFIG_INVALID',
      'an address of a Kafka broker has an @: credentials do not belong there',
      {
        hint: HINT,
      },
    );
  }
  const match = /^(?:([^\s:/[\]]+)|\[([0-9a-fA-F:.]+)\]):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port < 1 || port > 65_535) {
    throw new MillraceError('CONFIG_INVALID', `no address of a Kafka broker: '${text}'`, { hint: HINT });
  }
  return { host: match[1] ?? match[2], port };
}
