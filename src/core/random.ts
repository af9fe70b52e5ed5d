/** Repeatable chance. */
import type { Random } from './ports.ts';

/**
 * A generator for one position of a sequence: the same two numbers give the same values.
 * @see D. Lemire's and G. Steele's splitmix; the mixing function is MurmurHash3's finaliser
 */
export function randomAt(seed: number, index: number): Random {
  let state = mix(mix(seed ^ 0x9e3779b9) ^ mix(index) ^ Math.floor(index / 2 ** 32));
  return () => {
    state = (state + 0x9e3779b9) | 0;
    return (mix(state) >>> 0) / 2 ** 32;
  };
}

function mix(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
