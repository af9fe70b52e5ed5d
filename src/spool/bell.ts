/** Something has changed: whoever waits looks again. */
export class Bell {
  private rung = 0;
  private wake: () => void = () => {};
  private next = this.deferred();

  /** To be read before looking, so that a ring in between is not missed. */
  get count(): number {
    return this.rung;
  }

  ring(): void {
    const { wake } = this;
    this.rung++;
    this.next = this.deferred();
    wake();
  }

  /** Resolves when the bell has rung since `count` was read. */
  async after(count: number): Promise<void> {
    if (this.rung === count) await this.next;
  }

  private deferred(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
    });
  }
}
