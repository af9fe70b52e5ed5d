import { kafka, pipeline } from 'millrace';
import { count, decodeJson, keyBy, sinkJsonl, toDLQ, tumblingWindow, validate, watermark } from 'millrace/operators';
import { type } from 'arktype';

const clicks = kafka('clicks').pipe(
  decodeJson(),
  validate(type({ user: 'string', at: 'number' })),
  watermark({ eventTime: (click) => click.at, outOfOrdernessMs: 0 }),
  toDLQ('clicks-dlq'),
);
const perUser = clicks.pipe(
  keyBy((click) => click.user),
  tumblingWindow('per-user', { sizeMs: 60_000, graceMs: 0, aggregate: { clicks: count() } }),
);

// expect: but required in type 'Unhandled<"LateRecord">'
export const unhandled = pipeline('clicks', perUser.pipe(sinkJsonl('clicks.jsonl')));
