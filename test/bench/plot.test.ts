import { describe, expect, it } from 'vitest';
import { type Point, plot, short, ticksOf } from '../../bench/plot.ts';

function points(...rates: number[]): Point[] {
  return rates.map((y, i) => ({ x: 10 ** i, y, least: y * 0.9, most: y * 1.1 }));
}

describe('a plot', () => {
  it('counts a linear axis from zero past the highest point, in round steps', () => {
    expect(ticksOf('linear', points(180_000, 195_000))).toEqual([0, 50_000, 100_000, 150_000, 200_000, 250_000]);
  });

  it('counts a logarithmic axis in whole powers of ten around all points', () => {
    expect(ticksOf('log', points(1_200, 190_000))).toEqual([1_000, 10_000, 100_000, 1_000_000]);
  });

  it('has two marks on a logarithmic axis at least', () => {
    expect(ticksOf('log', points(200))).toEqual([100, 1_000]);
  });

  it('writes numbers in three digits', () => {
    expect([1, 99.96, 999.4, 999.6, 12_345, 999_499, 999_500, 1_000_000].map(short)).toEqual([
      '1',
      '100',
      '999',
      '1k',
      '12.3k',
      '999k',
      '1M',
      '1M',
    ]);
  });

  it('puts points at their places: the first left, the last right, the highest on top', () => {
    const panel = { x: { label: 'keys', scale: 'log' }, y: { label: 'events/s', scale: 'linear' } } as const;
    const svg = plot({ title: 'a < b', panels: [{ ...panel, points: points(100, 50, 25) }] });
    const dots = [...svg.matchAll(/cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => [Number(x), Number(y)]);
    const [[x0, y0], [x1, y1], [x2, y2]] = dots;
    expect(x1 - x0).toBeCloseTo(x2 - x1, 0);
    expect(y0).toBeLessThan(y1);
    expect(y1).toBeLessThan(y2);
    expect(svg).toContain('<title>a &lt; b</title>');
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  });
});
