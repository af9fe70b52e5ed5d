/** How V8 keeps the heap of the command line's process. */
import { setFlagsFromString } from 'node:v8';

/**
 * A full collection comes when heap and buffers have grown by a factor since the last one: 4 where the heap may have several GiB, down
 * to 1.3 where it may not. What grows in a busy pipeline are buffers under way, a hundred MiB of them, which soon are free again:
 * with a small factor they cost five full collections a second, and a fifth of the speed. The bound of the heap stays what it is.
 */
export function letHeapGrow(): void {
  setFlagsFromString('--heap-growing-percent=300');
}
