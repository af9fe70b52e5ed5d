/** Bisection. */

/** The least of `sizes`, which rise, that `does`; undefined where none does. Whatever does it, all greater ones are taken to do, too. */
export async function leastThat(
  sizes: readonly number[],
  does: (size: number) => Promise<boolean>,
): Promise<number | undefined> {
  let [from, to] = [0, sizes.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (await does(sizes[middle])) to = middle;
    else from = middle + 1;
  }
  return sizes[from];
}
