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
  return `${host}:${port}`;
}

function parseAddress(text: string): Address {
  const match = /^([^\s:/@]+):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match === null || port < 1 || port > 65_535) {
    const hint = 'write host:port, several with commas, as in 127.0.0.1:9092';
    throw new MillraceError('CONFIG_INVALID', `no address of a Kafka broker: '${text}'`, { hint });
  }
  return { host: match[1], port };
}
