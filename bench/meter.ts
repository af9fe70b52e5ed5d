/** Inside a measured process: counts records, leaves a warm-up out, and prints the run as one line of JSON. */
import type { Run } from './measure.ts';

/** The first records, read while the compiler still learns. */
const WARM_UP_SHARE = 0.2;

export class Meter {
  private readonly total: number;
  private readonly warmUp: number;
  private seen = 0;
  private startedWith = 0;
  private startedAt = 0n;
  private cpu = process.cpuUsage();

  constructor(total: number) {
    this.total = total;
    this.warmUp = Math.floor(total * WARM_UP_SHARE);
  }

  /** Counts records that are done; true when they were the last. */
  add(records: number): boolean {
    this.seen += records;
    if (this.startedAt === 0n && this.seen >= this.warmUp) {
      this.startedWith = this.seen;
      this.cpu = process.cpuUsage();
      this.startedAt = process.hrtime.bigint();
    }
    return this.seen >= this.total;
  }

  /** Call it at once after the last record. */
  report(): void {
    const seconds = Number(process.hrtime.bigint() - this.startedAt) / 1e9;
    const cpu = process.cpuUsage(this.cpu);
    if (this.seen !== this.total) throw new Error(`${this.seen} records were counted, not ${this.total}`);
    const records = this.seen - this.startedWith;
    const run: Run = {
      recordsPerSecond: records / seconds,
      cpuMicros: (cpu.user + cpu.system) / records,
      peakMiB: process.resourceUsage().maxRSS / 1024,
    };
    process.stdout.write(`${JSON.stringify(run)}\n`);
  }
}
