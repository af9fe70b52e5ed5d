import { kafka, pipeline } from 'millrace';
import { decodeJson, keyBy, processKeyed, sinkConsole, sinkJsonl, sinkKafka } from 'millrace/operators';
import { toDLQ, validate, watermark } from 'millrace/operators';
import { type Alert, check, newCard, ring } from './alerts.ts';
import { Transaction } from './schema.ts';

const transactions = kafka('transactions_raw', { partitions: 3 }).pipe(
  decodeJson(),
  validate(Transaction),
  watermark({ eventTime: (transaction) => transaction.timestamp, outOfOrdernessMs: 5_000 }),
  toDLQ('card-transactions-dlq'),
);

export default pipeline(
  'card-transactions',
  {
    description: 'card transactions → alerts: many in a minute, and far apart in place',
    params: {
      maxPerMinute: { default: 15, min: 1, description: 'transactions of a card in a minute that are not yet many' },
      maxKmh: { default: 900, min: 1, description: 'speed in km/h at which a card may travel from place to place' },
      alertsFile: { default: 'output/card-alerts.jsonl', description: 'file of the alerts, one JSON object a line' },
    },
  },
  ({ maxPerMinute, maxKmh, alertsFile }) => {
    const alerts = transactions.pipe(
      keyBy((transaction) => transaction.card_id),
      processKeyed('cards', {
        init: newCard,
        onRecord: (transaction, context) => check(transaction, context, { maxPerMinute, maxKmh }),
        onTimer: ({ name }, context) => ring(name, context),
      }),
    );
    return [
      alerts.pipe(sinkKafka('card-alerts', { key: (alert) => String(alert.card_id) })),
      alerts.pipe(sinkJsonl(alertsFile)),
      alerts.pipe(sinkConsole({ format: line })),
    ];
  },
);

/** `10:02:31  card 1004  16 transactions in a minute, 8112.40 in all`. */
function line(alert: Alert): string {
  return `${alert.at.slice(11, 19)}  card ${alert.card_id}  ${wordsOf(alert)}`;
}

function wordsOf(alert: Alert): string {
  if (alert.rule === 'many-in-a-minute') {
    return `${alert.count} transactions in a minute, ${alert.total.toFixed(2)} in all`;
  }
  if (alert.rule === 'burst-over')
    return `quiet again, after ${alert.count} too many of ${alert.total.toFixed(2)} in all`;
  const within = alert.minutes === 0 ? 'a few seconds' : `${alert.minutes} min`;
  return `${WHOLE.format(alert.km)} km away within ${within}, which is ${WHOLE.format(alert.kmh)} km/h`;
}

const WHOLE = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
