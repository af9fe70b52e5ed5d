import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nullable, utf8 } from '../../operators/index.ts';
import { csvFormat } from '../../src/csv/csv-format.ts';

const SEED = 20_261_121;

/** A reader of RFC 4180: cells that were not quoted and empty are null. */
function parse(text: string): (string | null)[][] {
  const lines: (string | null)[][] = [[]];
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/y;
  for (let at = 0; at < text.length; at = cell.lastIndex) {
    cell.lastIndex = at;
    const match = cell.exec(text);
    if (match === null) throw new Error(`no cell at ${at} of ${JSON.stringify(text)}`);
    lines.at(-1)!.push(match[1]?.replaceAll('""', '"') ?? (match[2] === '' ? null : match[2]));
    if (match[3] !== ',') lines.push([]);
  }
  return lines.slice(0, -1);
}

/** What was written behind one quote more gets rid of it. */
const unescaped = (text: string | null) =>
  text !== null && /^'(?:'*[\t\r\n]|['\s]*[=+\-@＝])/.test(text) ? text.slice(1) : text;

const textOf = fc.string({
  unit: fc.constantFrom('"', ',', '\r', '\n', '\t', ' ', "'", '=', '+', '-', '@', '＝', 'a', 'é', '🚉', '\u2028'),
  maxLength: 6,
});

describe('a CSV file', () => {
  it('gives a reader every text and null back, and no text that begins as a formula does', async () => {
    const rowOf = fc.record({ a: fc.option(textOf), b: fc.option(textOf) });
    await fc.assert(
      fc.asyncProperty(fc.array(rowOf, { minLength: 1, maxLength: 5 }), async (rows) => {
        const format = csvFormat({ a: nullable(utf8()), b: nullable(utf8()) }, { header: true, escapeFormulas: true });
        const writer = format.begin();
        writer.add(rows);
        async function* segments() {
          yield writer.finish();
        }
        let file = '';
        for await (const piece of format.assemble(segments())) file += Buffer.from(piece).toString();
        const [, ...lines] = parse(file);
        expect(lines.flat().filter((cell) => cell !== null && /^[\t\r\n]|^\s*[=+\-@＝]/.test(cell))).toEqual([]);
        expect(lines.map((line) => line.map(unescaped))).toEqual(rows.map(({ a, b }) => [a, b]));
      }),
      { seed: SEED, numRuns: 2_000 },
    );
  });
});
