/** The transactions pipeline, reduced to its silver layer. */
import { kafka, parseDuration, pipeline } from 'millrace';
import { decodeJson, enrich, map, splitRejections, validate } from 'millrace/operators';
import { float64, nullable, sinkParquet, timestamp, utf8 } from 'millrace/operators';
import { Transaction } from '../pipelines/transactions/schema.ts';
import { PARAMS } from '../pipelines/transactions/settings.ts';

const COLUMNS = {
  txn_id: utf8(),
  event_time: timestamp(),
  user_id: nullable(utf8()),
  card_id: nullable(utf8()),
  merchant: nullable(utf8()),
  category: nullable(utf8()),
  amount: nullable(float64()),
  currency: nullable(utf8()),
  status: nullable(utf8()),
  city: nullable(utf8()),
  country: nullable(utf8()),
  lat: nullable(float64()),
  lon: nullable(float64()),
  kafka_ts: timestamp(),
  json_str: utf8(),
};

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
      silver.pipe(sinkParquet(`${outputPath}/silver`, { prefix: 'silver', rollEveryMs, columns: COLUMNS })),
      // A record is never let go in silence.
      rejected.pipe(
        map(({ value, reason }) => ({ bad_json: String(value), reason })),
        sinkParquet(`${outputPath}/quarantine`, { rollEveryMs, columns: { bad_json: utf8(), reason: utf8() } }),
      ),
    ];
  },
);
