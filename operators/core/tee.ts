/** `tee`: the core step behind a stream that is used more than once. */
import { type Observable, share } from 'rxjs';
import type { Element } from '../../src/core/element.ts';

/**
 * Hands every element to each user in turn, so that a stream used twice is computed once. The plan has no node for it:
 * the task puts it behind every node with more than one user. What a user is handed it must not change.
 */
export function tee<T>(input: Observable<Element<T>>): Observable<Element<T>> {
  return input.pipe(share());
}
