/** Writes that have begun and not ended. */
export class WritesUnderWay {
  private readonly writes = new Set<Promise<unknown>>();

  add(write: Promise<unknown>): void {
    this.writes.add(write);
    write.catch(() => {}).finally(() => this.writes.delete(write));
  }

  /** Resolves in a moment in which nothing is being written: to go on before anything else does. */
  async ended(): Promise<void> {
    while (this.writes.size > 0) await Promise.allSettled(this.writes);
  }
}

/** Those of all stores, for whoever ends the process. */
export const writesOfProcess = new WritesUnderWay();
