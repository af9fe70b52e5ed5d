/** Code made while the program runs, where that is allowed: some environments forbid it. */

/**
 * The function that `body` is the body of, or `undefined` where the host forbids code from strings.
 *
 * Whatever goes into `body` must be written by us or quoted by `literal`.
 */
export function compile<F>(parameters: readonly string[], body: string): F | undefined {
  try {
    // oxlint-disable-next-line no-implied-eval, no-new-func -- the point of this file
    return new Function(...parameters, `'use strict';\n${body}`) as F;
  } catch (thrown) {
    if (thrown instanceof EvalError) return undefined;
    throw thrown;
  }
}

/** A text as a literal of the language. */
export function literal(text: string): string {
  return JSON.stringify(text);
}
