/** A log that can be away, silent, or swallow its answers; and the clients of processes that come and go. */
import { MillraceError } from '../../src/core/errors.ts';
import type { RecordBatch } from '../../src/core/record-batch.ts';
import type { LogClient, TopicInfo, TopicSpec } from '../../src/log/log-client.ts';
import { Bell } from '../../src/spool/bell.ts';

export const TOPIC = 'orders';
const PARTITIONS = 3;
const MAX_RECORD_BYTES = 1_000;

/**
 * - `up`: answers.
 * - `refusing`: fails at once.
 * - `silent`: nothing is answered until it is up; then it is done, once, as by a patient idempotent driver.
 * - `forgetful`: appends, and fails all the same.
 */
export type LogState = 'up' | 'refusing' | 'silent' | 'forgetful';

export class FlakyLog {
  readonly partitions: string[][] = Array.from({ length: PARTITIONS }, () => []);
  /** What its clients say of it while they wait. */
  trouble: string | undefined;
  private current: LogState = 'up';
  private readonly bell = new Bell();

  get state(): LogState {
    return this.current;
  }

  become(state: LogState): void {
    this.current = state;
    this.bell.ring();
  }

  /** All values; those of one key keep their order. */
  get values(): string[] {
    return this.partitions.flat();
  }

  client(): LogClient & { kill(): void } {
    let isAlive = true;
    const reached = async (): Promise<void> => {
      await turn();
      while (this.current === 'silent') await this.bell.after(this.bell.count);
      await turn();
      if (!isAlive) await new Promise(() => {});
      if (this.current === 'refusing') throw new MillraceError('LOG_UNAVAILABLE', 'connection refused');
    };
    const known = new Set<string>();
    const topicOf = async (name: string): Promise<TopicInfo | undefined> => {
      await reached();
      if (!known.has(name)) return undefined;
      return { topic: name, partitions: PARTITIONS, maxRecordBytes: MAX_RECORD_BYTES, timestampType: 'create' };
    };
    const trouble = () => this.trouble;
    const used = {
      get trouble() {
        return trouble();
      },
      description: 'a flaky log',
      kind: 'kafka',
      topic: topicOf,
      createTopics: async (specs: readonly TopicSpec[]) => {
        await reached();
        for (const { topic } of specs) known.add(topic);
      },
      append: async (batches: readonly RecordBatch[]) => {
        await reached();
        const bases = batches.map((batch) => this.append(batch));
        await turn();
        if (this.current === 'forgetful') throw new MillraceError('LOG_UNAVAILABLE', 'the connection was closed');
        return bases;
      },
      kill: () => {
        isAlive = false;
      },
    };
    return used as unknown as LogClient & { kill(): void };
  }

  private append(batch: RecordBatch): number {
    const partition = this.partitions[batch.partition];
    const base = partition.length;
    for (let row = 0; row < batch.length; row++) partition.push(String(batch.value(row)));
    return base;
  }
}

/** Lets everything else that is ready go first. */
export function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
