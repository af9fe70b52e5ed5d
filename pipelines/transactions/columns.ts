/** The columns of the layers, as their files have them. */
import { float64, int32, int64, nullable, timestamp, utf8 } from 'millrace/operators';

export const BRONZE = {
  key: nullable(utf8()),
  value: nullable(utf8()),
  topic: utf8(),
  partition: int32(),
  offset: int64(),
  kafka_ts: nullable(timestamp()),
};

/** What a transaction says of itself. */
export const PAYLOAD = {
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
};

export const SILVER = { ...PAYLOAD, kafka_ts: nullable(timestamp()), json_str: utf8() };

export const QUARANTINE = { bad_json: nullable(utf8()), bad_ingest_ts: nullable(timestamp()), reason: utf8() };

export const GOLD = {
  card_id: nullable(utf8()),
  window_start: timestamp(),
  window_end: timestamp(),
  txn_count: int64(),
  sum_amount: nullable(float64()),
  avg_amount: nullable(float64()),
  max_amount: nullable(float64()),
};
