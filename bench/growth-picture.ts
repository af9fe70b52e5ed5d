/** The picture of one axis of the growth bench. */
import type { Axis, GrowthPoint } from './growth-axes.ts';
import { median } from './measure.ts';
import { type Panel, type Point, plot } from './plot.ts';

const MEGABYTE = 1e6;

/** Medians, and least to most, over the axis; where records grow, the bytes a second beside them. */
export function growthPicture({ title, label, showsBytes }: Axis, points: readonly GrowthPoint[]): string {
  const x = { label, scale: 'log' } as const;
  const events: Panel = {
    x,
    y: { label: 'events/s', scale: showsBytes ? 'log' : 'linear' },
    points: points.map((point) => spread(point, 1)),
  };
  const bytes: Panel = {
    x,
    y: { label: 'MB/s', scale: 'linear' },
    points: points.map((point) => spread(point, point.recordBytes / MEGABYTE)),
  };
  return plot({ title, panels: showsBytes ? [events, bytes] : [events] });
}

function spread({ at, runs }: GrowthPoint, factor: number): Point {
  const rates = runs.map(({ recordsPerSecond }) => recordsPerSecond * factor);
  return { x: at, y: median(rates), least: Math.min(...rates), most: Math.max(...rates) };
}
