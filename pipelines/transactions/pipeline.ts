import { iso, kafka, parseDuration, pipeline } from 'millrace';
import { count, decodeJson, enrich, keyBy, map, tumblingWindow, validate } from 'millrace/operators';
import { sinkCsv, sinkParquet, sinkPreview } from 'millrace/operators';
import { splitRejections, watermark } from 'millrace/operators';
import { amounts } from './amounts.ts';
import { BRONZE, GOLD, PAYLOAD, QUARANTINE, SILVER } from './columns.ts';
import { Transaction } from './schema.ts';
import { PARAMS } from './settings.ts';

const MINUTE_MS = 60_000;
/** How long a file of the first records of a run lets wait for itself, where the interval is longer. */
const FIRST_MS = 2_000;

export default pipeline(
  'transactions',
  {
    description: 'card transactions → bronze, quarantine, silver and gold in Parquet, a mirror in CSV',
    params: PARAMS,
  },
  ({ topic, outputPath, triggerInterval, maxOffsetsPerTrigger, maxFilesPerSink, showPreviews }) => {
    const rollEveryMs = parseDuration(triggerInterval);
    const limit = maxOffsetsPerTrigger > 0 ? { limit: { records: maxOffsetsPerTrigger, everyMs: rollEveryMs } } : {};
    const folder = (name: string): string => `${outputPath}/${name}`;
    const files = (prefix: string) => ({
      prefix,
      rollEveryMs,
      rollFirstMs: Math.min(rollEveryMs, FIRST_MS),
      ...(maxFilesPerSink > 0 && { keepFiles: maxFilesPerSink }),
    });

    const records = kafka(topic, { partitions: 3, ...limit });
    const bronze = records.pipe(
      map(({ key, value, topic, partition, offset, timestamp }) => {
        return { key: textOf(key), value: textOf(value), topic, partition, offset, kafka_ts: timeOf(timestamp) };
      }),
    );
    const [silver, rejected] = splitRejections(
      records.pipe(
        decodeJson(),
        validate(Transaction),
        enrich((_, { record }) => ({ kafka_ts: timeOf(record!.timestamp), json_str: String(record!.value) })),
        watermark({ eventTime: ({ event_time }) => event_time, outOfOrdernessMs: 5 * MINUTE_MS }),
      ),
    );
    const quarantine = rejected.pipe(
      map(({ value, timestamp, kind, reason }) => {
        return { bad_json: textOf(value), bad_ingest_ts: timeOf(timestamp), reason: `${kind}: ${reason}` };
      }),
    );
    const [windows, tooLate] = splitRejections(
      silver.pipe(
        // A missing card is a group of its own, as in SQL, and none that has an empty name.
        keyBy(({ card_id }) => card_id ?? 0),
        tumblingWindow('per-card', {
          sizeMs: MINUTE_MS,
          graceMs: 0,
          aggregate: { txn_count: count(), amounts: amounts(({ amount }) => amount) },
        }),
      ),
    );
    const gold = windows.pipe(
      map(({ key, start, end, txn_count, amounts }) => {
        return {
          card_id: typeof key === 'string' ? key : null,
          window_start: start,
          window_end: end,
          txn_count,
          ...amounts,
        };
      }),
    );
    const late = tooLate.pipe(
      map(({ value, timestamp }) => {
        const json_str = String(value);
        return { ...Transaction.parse(documentOf(json_str)), kafka_ts: timeOf(timestamp), json_str };
      }),
    );

    const everyMs = Math.max(rollEveryMs, FIRST_MS);
    const previews = [
      bronze.pipe(sinkPreview('bronze', { everyMs, show: arrival })),
      quarantine.pipe(sinkPreview('quarantine', { everyMs, show: readable })),
      silver.pipe(sinkPreview('silver', { everyMs, show: glance })),
      gold.pipe(sinkPreview('gold', { everyMs, show: readable })),
      late.pipe(sinkPreview('late', { everyMs, show: glance })),
    ];
    return [
      bronze.pipe(sinkParquet(folder('bronze'), { ...files('bronze'), columns: BRONZE })),
      quarantine.pipe(sinkParquet(folder('quarantine'), { ...files('quarantine'), columns: QUARANTINE })),
      silver.pipe(sinkParquet(folder('silver'), { ...files('silver'), columns: SILVER })),
      gold.pipe(sinkParquet(folder('gold'), { ...files('gold'), columns: GOLD })),
      late.pipe(sinkParquet(folder('late'), { ...files('late'), columns: SILVER })),
      silver.pipe(sinkCsv(folder('raw_csv'), { ...files('raw'), columns: PAYLOAD, omit: ['kafka_ts', 'json_str'] })),
      ...(showPreviews ? previews : []),
    ];
  },
);

interface Arrival {
  readonly partition: number;
  readonly offset: number;
  readonly key: string | null;
  readonly value: string | null;
}

function arrival({ partition, offset, key, value }: Arrival): object {
  return { partition, offset, key, value };
}

/** What a person looks for in a transaction. */
function glance({ event_time, card_id, amount, merchant, status }: Transaction): object {
  return readable({ event_time, card_id, amount, merchant, status });
}

const TIMES: ReadonlySet<string> = new Set(['event_time', 'bad_ingest_ts', 'window_start', 'window_end']);

/** The row with its times as people read them. */
function readable(row: object): object {
  const entries = Object.entries(row) as [string, unknown][];
  return Object.fromEntries(entries.map(([name, value]) => [name, TIMES.has(name) ? timeText(value) : value]));
}

function timeText(value: unknown): unknown {
  return typeof value === 'number' ? iso(value) : value;
}

/** The greatest time that a Date, and so a timestamp of milliseconds here, can hold. */
const MAX_TIME = 8_640_000_000_000_000;

/** A producer may give a record any number of 64 bits for its time. */
function timeOf(timestamp: number): number | null {
  return Math.abs(timestamp) <= MAX_TIME ? timestamp : null;
}

/** As decodeJson reads it: a byte order mark is no part of the document. */
function documentOf(text: string): unknown {
  return JSON.parse(text.replace(/^\ufeff/, ''));
}

function textOf(bytes: Buffer | null): string | null {
  return bytes === null ? null : String(bytes);
}
