/** Records as the manifest of the vectors holds them, and as lines that clients in other languages read and print. */

/** Text, some text many times over, or bytes. */
export type VectorBytes = string | { readonly repeat: string; readonly times: number } | { readonly hex: string };

export interface VectorRecord {
  readonly time: number;
  readonly key: VectorBytes | null;
  readonly value: VectorBytes | null;
  readonly headers?: readonly (readonly [name: string, value: VectorBytes])[];
}

export interface VectorFile {
  readonly file: string;
  /** Name and version. */
  readonly client: string;
  readonly codec: string;
  readonly isTransaction: boolean;
}

export interface VectorManifest {
  readonly records: readonly VectorRecord[];
  readonly files: readonly VectorFile[];
}

export interface PlainRecord {
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly { readonly key: string; readonly value: Uint8Array }[];
}

const TIME = 1_700_000_000_000;
const ORDERS = 200;
const LARGE_TIMES = 5_000;

/** Every shape that all the clients can write; together larger than a block of any codec. */
export const VECTOR_RECORDS: readonly VectorRecord[] = [
  { time: TIME, key: 'key', value: 'value' },
  { time: TIME + 1, key: null, value: 'no key' },
  { time: TIME - 5, key: 'no value', value: null },
  { time: TIME + 3_600_000, key: '', value: '' },
  { time: TIME, key: 'ключ', value: '価値 🚰', headers: [['größe', 'ß']] },
  { time: TIME + 2, key: { hex: '00ff80' }, value: { hex: 'c3280080ff' } },
  {
    time: TIME + 3,
    key: 'headers',
    value: 'two of a name, and one that is empty',
    headers: [
      ['trace', { hex: '0001ff' }],
      ['trace', 'second'],
      ['empty', ''],
    ],
  },
  { time: TIME + 4, key: 'large', value: { repeat: 'all of it ', times: LARGE_TIMES } },
  ...Array.from({ length: ORDERS }, (_, i) => ({
    time: TIME + i * 37,
    key: `customer-${i % 7}`,
    value: JSON.stringify({ id: `order-${i}`, amount: (i * 7_919) % 10_007, paid: i % 3 === 0 }),
  })),
];

export function plainRecord({ time, key, value, headers = [] }: VectorRecord): PlainRecord {
  return {
    timestamp: time,
    key: key === null ? null : bytesOf(key),
    value: value === null ? null : bytesOf(value),
    headers: headers.map(([name, data]) => ({ key: name, value: bytesOf(data) })),
  };
}

function bytesOf(data: VectorBytes): Buffer {
  if (typeof data === 'string') return Buffer.from(data);
  return 'hex' in data ? Buffer.from(data.hex, 'hex') : Buffer.from(data.repeat.repeat(data.times));
}

/** As JavaClient.java and librdkafka.py describe it. */
export function recordLine({ timestamp, key, value, headers }: PlainRecord): string {
  const parts = headers.flatMap((header) => [field(Buffer.from(header.key)), field(header.value)]);
  return [timestamp, field(key), field(value), ...parts].join(' ');
}

function field(bytes: Uint8Array | null): string {
  return bytes === null ? '-' : `x${Buffer.from(bytes).toString('hex')}`;
}
