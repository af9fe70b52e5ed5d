/** Records that were given to `send`, in order, until somebody takes them up. */
import type { DeliveryReport, OutgoingRecord } from './outgoing.ts';
import { bytesOf } from './grouping.ts';
import type { Outgoing } from './transmitter.ts';

export interface Row extends Outgoing {
  /** In the spool. */
  number: number | undefined;
  /** The caller of `send` has not heard of it yet. */
  answer: ((report: DeliveryReport | Error) => void) | undefined;
}

/** What is on the way at once. Below what one request takes, so that offsets of a batch follow one another. */
export const CHUNK = { records: 2_000, bytes: 500_000 } as const;

export class SendQueue {
  private rows: Row[] = [];

  get length(): number {
    return this.rows.length;
  }

  /** Resolves when each record has its first report; rejects when one of them is answered by an error. */
  add(records: readonly OutgoingRecord[]): Promise<DeliveryReport[]> {
    return new Promise((resolve, reject) => {
      const reports: DeliveryReport[] = [];
      let open = records.length;
      if (open === 0) resolve(reports);
      records.forEach((record, i) => {
        const answer = (report: DeliveryReport | Error): void => {
          if (report instanceof Error) return reject(report);
          reports[i] = report;
          if (--open === 0) resolve(reports);
        };
        this.rows.push({ record, isDone: false, number: undefined, answer });
      });
    });
  }

  /** The oldest rows, one at least. */
  takeChunk(): Row[] {
    let bytes = 0;
    const end = this.rows.findIndex(({ record }, i) => {
      bytes += bytesOf(record);
      return i === CHUNK.records || (i > 0 && bytes > CHUNK.bytes);
    });
    return this.rows.splice(0, end < 0 ? this.rows.length : end);
  }

  refuseAll(error: Error): void {
    for (const row of this.rows.splice(0)) answer(row, error);
  }
}

/** Answers its caller, the first time only. */
export function answer(row: Row, report: DeliveryReport | Error): void {
  row.answer?.(report);
  row.answer = undefined;
}
