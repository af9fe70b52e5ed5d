/** Which batches of an answer belong to transactions that were aborted. */

export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: number;
}

/**
 * A broker lists with each answer the aborted transactions that overlap it. From its first offset on, a listed one
 * covers its producer's batches up to the marker that ends it, or to the end of the answer when the marker comes in a
 * later one; that one lists it again.
 *
 * @see https://github.com/apache/kafka/blob/trunk/clients/src/main/java/org/apache/kafka/clients/consumer/internals/CompletedFetch.java
 */
export class AbortedRanges {
  private readonly upcoming: AbortedTransaction[];
  private readonly open = new Set<bigint>();

  constructor(aborted: readonly AbortedTransaction[]) {
    this.upcoming = aborted.toSorted((a, b) => b.firstOffset - a.firstOffset);
  }

  /** Whether the transactional batch of this producer, which ends before `nextOffset`, was aborted. */
  covers(producerId: bigint, nextOffset: number): boolean {
    this.openUpTo(nextOffset);
    return this.open.has(producerId);
  }

  /** To be told of each marker that ends an aborted transaction, in order. */
  end(producerId: bigint, nextOffset: number): void {
    this.openUpTo(nextOffset);
    this.open.delete(producerId);
  }

  private openUpTo(nextOffset: number): void {
    for (let next = this.upcoming.at(-1); next !== undefined && next.firstOffset < nextOffset; ) {
      this.open.add(next.producerId);
      this.upcoming.pop();
      next = this.upcoming.at(-1);
    }
  }
}
