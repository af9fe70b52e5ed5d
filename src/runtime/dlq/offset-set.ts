/** Offsets of one partition at a bit each: ten million take little more than a megabyte. */
const BLOCK = 65_536;
const BITS = 8;

export class OffsetSet {
  private readonly blocks = new Map<number, Uint8Array>();

  /** Adds `from` to `to`, both included. */
  add(from: number, to: number = from): void {
    for (let offset = from; offset <= to; offset++) {
      const number = Math.floor(offset / BLOCK);
      let block = this.blocks.get(number);
      if (block === undefined) this.blocks.set(number, (block = new Uint8Array(BLOCK / BITS)));
      const bit = offset % BLOCK;
      block[bit >> 3] |= 1 << (bit & 7);
    }
  }

  has(offset: number): boolean {
    const bit = offset % BLOCK;
    return ((this.blocks.get(Math.floor(offset / BLOCK))?.[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0;
  }
}
