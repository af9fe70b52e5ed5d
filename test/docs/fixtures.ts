/** Names that examples in doc comments use without defining them. */
import { type } from 'arktype';
import { kafka, parseIso } from 'millrace';
import { decodeJson, toDLQ, validate, watermark } from 'millrace/operators';

export const Click = type({ user_id: 'string', at: 'string' });
export const Cart = type({ sku: 'string' });

/** Clicks with event time, as windows want them. */
export const clicks = kafka('clicks').pipe(
  decodeJson(),
  validate(Click),
  watermark({ eventTime: (click) => parseIso(click.at), outOfOrdernessMs: 5_000 }),
  toDLQ('clicks-dlq'),
);

export async function priceOf(_sku: string, _signal: AbortSignal): Promise<number> {
  return 1;
}
