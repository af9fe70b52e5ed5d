import { readFileSync } from 'node:fs';

/** The text of a small file that is read once, at a start. */
export function readText(path: string): string {
  return readFileSync(path, 'utf8');
}
