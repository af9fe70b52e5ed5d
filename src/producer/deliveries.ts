/** Whoever wants to know what becomes of each record. */
import { MillraceError, messageOf } from '../core/errors.ts';
import type { DeliveryReport, OutgoingRecord } from '../spool/outgoing.ts';
import type { OnDelivery } from './producer-options.ts';

/** What `onDelivery` throws first is kept: its producer has failed, and takes no more records. */
export class Deliveries {
  private readonly onDelivery: OnDelivery | undefined;
  failure: MillraceError | undefined;

  constructor(onDelivery: OnDelivery | undefined) {
    this.onDelivery = onDelivery;
  }

  get isWatched(): boolean {
    return this.onDelivery !== undefined;
  }

  tell(report: DeliveryReport, record: OutgoingRecord | undefined): void {
    try {
      this.onDelivery?.(report, record);
    } catch (thrown) {
      this.failure ??= new MillraceError('CALLBACK_FAILED', `onDelivery has thrown: ${messageOf(thrown)}`, {
        place: { topic: report.topic },
        hint: 'records that were sent before are not concerned; catch what can fail within onDelivery',
        cause: thrown,
      });
    }
  }
}
