/** Writes of this process that have begun and not ended, for whoever ends the process. */

const underWay = new Set<Promise<unknown>>();

export function noteWrite(write: Promise<unknown>): void {
  underWay.add(write);
  write.catch(() => {}).finally(() => underWay.delete(write));
}

/** Resolves in a moment in which nothing is being written: to go on before anything else does. */
export async function writesEnded(): Promise<void> {
  while (underWay.size > 0) await Promise.allSettled(underWay);
}
