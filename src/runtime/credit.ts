/** Back pressure: a task has so many bytes of credit for records under way and output staged; sources wait when it is used up. */
export class Credit {
  readonly limit: number;
  private held = 0;
  private waiting: (() => void)[] = [];
  /** Called when a source has to wait: a checkpoint would set staged output free. */
  onExhausted: () => void = () => {};

  constructor(limit: number) {
    this.limit = limit;
  }

  get used(): number {
    return this.held;
  }

  get exhausted(): boolean {
    return this.held >= this.limit;
  }

  hold(bytes: number): void {
    this.held += bytes;
  }

  release(bytes: number): void {
    this.held -= bytes;
    if (this.exhausted) return;
    for (const wake of this.waiting.splice(0)) wake();
  }

  /** Resolves when there is credit, or when `signal` aborts. */
  async available(signal: AbortSignal): Promise<void> {
    while (this.exhausted && !signal.aborted) {
      this.onExhausted();
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          signal.removeEventListener('abort', wake);
          resolve();
        };
        this.waiting.push(wake);
        signal.addEventListener('abort', wake);
      });
    }
  }
}
