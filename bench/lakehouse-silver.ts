/** The transactions pipeline, reduced to its silver layer. */
import { kafka, parseDuration, pipeline } from 'millrace';
import { decodeJson, enrich, map, splitRejections, validate } from 'millrace/operators';
import { sinkParquet, utf8 } from 'millrace/operators';
import { SILVER } from '../pipelines/transactions/columns.ts';
import { Transaction } from '../pipelines/transactions/schema.ts';
import { PARAMS } from '../pipelines/transactions/settings.ts';

export const silverOnly = pipeline(
  'transactions-silver',
  { description: 'card transactions → silver in Parquet', params: PARAMS },
  ({ topic, outputPath, triggerInterval }) => {
    const rollEveryMs = parseDuration(triggerInterval);
    const records = kafka(topic, { partitions: 3 }).pipe(
      decodeJson(),
      validate(Transaction),
      enrich((_, { record }) => ({ kafka_ts: record!.timestamp, json_str: String(record!.value) })),
    );
    const [silver, rejected] = splitRejections(records);
    return [
      silver.pipe(sinkParquet(`${outputPath}/silver`, { prefix: 'silver', rollEveryMs, columns: SILVER })),
      // A record is never let go in silence.
      rejected.pipe(
        map(({ value, reason }) => ({ bad_json: String(value), reason })),
        sinkParquet(`${outputPath}/quarantine`, { rollEveryMs, columns: { bad_json: utf8(), reason: utf8() } }),
      ),
    ];
  },
);
