/** A format for tests whose files say where they begin and end. */
import type { RollingFormat } from '../../src/files/rolling-output.ts';

export function textFormat(signature: string): RollingFormat<number> {
  return {
    extension: 'text',
    signature,
    begin() {
      const rows: number[] = [];
      return {
        get rows() {
          return rows.length;
        },
        get bytes() {
          return rows.length * 10;
        },
        add: (values) => rows.push(...values),
        finish: () => Buffer.from(rows.map((row) => `${row}\n`).join('')),
      };
    },
    async *assemble(segments) {
      yield Buffer.from('begin\n');
      for await (const segment of segments) yield segment;
      yield Buffer.from('end\n');
    },
  };
}

/** The rows of a file; throws when it is not whole. */
export function rowsOf(text: string): number[] {
  if (!/^begin\n(\d+\n)*end\n$/.test(text)) throw new Error(`not a whole file: ${JSON.stringify(text)}`);
  return text.split('\n').slice(1, -2).map(Number);
}
