import { describe, expect, it } from 'vitest';
import { type HivePartition, hivePath } from '../../src/files/hive-path.ts';

describe('the folder of a partition', () => {
  it.each<[HivePartition, string]>([
    [{ date: '2025-01-01', country: 'DE' }, 'date=2025-01-01/country=DE'],
    [{ country: 'DE', date: '2025-01-01' }, 'country=DE/date=2025-01-01'],
    [{ n: -1 }, 'n=-1'],
    [{ n: 12345678901234567890n }, 'n=12345678901234567890'],
    [{ is: true }, 'is=true'],
    [{ a: null }, 'a=__HIVE_DEFAULT_PARTITION__'],
    [{ a: '' }, 'a=__HIVE_DEFAULT_PARTITION__'],
    [{ a: '../../etc' }, 'a=..%2F..%2Fetc'],
    [{ a: '..' }, 'a=..'],
    [{ '..': 'a' }, '..=a'],
    [{ a: 'x=y:z%' }, 'a=x%3Dy%3Az%25'],
    [{ a: `"#'*?\\{[]^` }, 'a=%22%23%27%2A%3F%5C%7B%5B%5D%5E'],
    [{ a: '\u0000\n\u001f\u007f' }, 'a=%00%0A%1F%7F'],
    [{ a: 'Zürich 🚉 }' }, 'a=Zürich 🚉 }'],
    [{ a: '\ud800' }, 'a=\ufffd'],
  ])('is named as Hive names it: %o', (partition, folder) => {
    expect(hivePath(partition)).toBe(folder);
  });

  it.each<[unknown, string]>([
    [{}, 'no column'],
    [{ '': 'a' }, 'has no name'],
    [{ a: undefined }, "column 'a'"],
    [{ a: new Date(0) }, "column 'a'"],
    [{ a: 'x'.repeat(254) }, 'more than 255 bytes'],
  ])('is refused where there is none: %o', (partition, words) => {
    expect(() => hivePath(partition as HivePartition)).toThrow(words);
  });
});
