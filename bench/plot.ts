/** Line charts as SVG, readable on light and dark pages: panels side by side, one line each, with the spread of its runs. */

export interface Plot {
  readonly title: string;
  readonly panels: readonly Panel[];
}

export interface Panel {
  readonly x: Axis;
  /** Linear from zero, or logarithmic over whole powers of ten. */
  readonly y: Axis;
  /** In the order of `x`. */
  readonly points: readonly Point[];
}

interface Axis {
  /** With its unit. */
  readonly label: string;
  readonly scale: 'linear' | 'log';
}

export interface Point {
  readonly x: number;
  readonly y: number;
  readonly least: number;
  readonly most: number;
}

const PANEL_WIDTH = 560;
const HEIGHT = 360;
/** Around the drawing, for title, labels and numbers. */
const MARGIN = { top: 64, right: 28, bottom: 64, left: 84 };
const RADIUS = 4;
/** Lines of a linear grid at most, the axis left out. */
const MAX_GRID = 6;
/** From the highest point up, so that its number has room. */
const HEADROOM = 1.12;

const STYLE = `
  text { font: 14px system-ui, sans-serif; fill: #1f2328 }
  .number { paint-order: stroke; stroke: #ffffff; stroke-width: 4px }
  .title { font-size: 17px; font-weight: 600 }
  .page { fill: #ffffff }
  .grid { stroke: #d1d9e0 }
  .axis { stroke: #59636e }
  .line, .spread { stroke: #0969da; fill: none; stroke-width: 2 }
  .dot { fill: #0969da }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .number { stroke: #0d1117 }
    .page { fill: #0d1117 }
    .grid { stroke: #3d444d }
    .axis { stroke: #9198a1 }
    .line, .spread { stroke: #58a6ff }
    .dot { fill: #58a6ff }
  }`;

/** The whole document. It draws its own page, so that text and page always go together. */
export function plot({ title, panels }: Plot): string {
  const width = PANEL_WIDTH * panels.length;
  const parts = panels.map((panel, i) => `<g transform="translate(${i * PANEL_WIDTH} 0)">${drawn(panel)}</g>`);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${HEIGHT}" width="${width}" height="${HEIGHT}" role="img">`,
    `<title>${escaped(title)}</title><style>${STYLE}</style>`,
    `<rect class="page" width="${width}" height="${HEIGHT}" rx="6"/>`,
    text(title, { x: MARGIN.left, y: 30, class: 'title' }),
    ...parts,
    '</svg>\n',
  ].join('\n');
}

function drawn({ x, y, points }: Panel): string {
  const right = PANEL_WIDTH - MARGIN.right;
  const bottom = HEIGHT - MARGIN.bottom;
  const ticks = ticksOf(y.scale, points);
  const across = scaled(x.scale, [points[0].x, points.at(-1)!.x], [MARGIN.left + 24, right - 24]);
  const up = scaled(y.scale, [ticks[0], ticks.at(-1)!], [bottom, MARGIN.top]);
  const grid = ticks.map(
    (tick, i) =>
      line(i === 0 ? 'axis' : 'grid', [MARGIN.left, up(tick)], [right, up(tick)]) +
      text(short(tick), { x: MARGIN.left - 10, y: up(tick) + 5, anchor: 'end' }),
  );
  const marks = points.map(
    (point) =>
      line('spread', [across(point.x), up(point.least)], [across(point.x), up(point.most)]) +
      `<circle class="dot" cx="${at(across(point.x))}" cy="${at(up(point.y))}" r="${RADIUS}"/>` +
      text(short(point.y), { x: across(point.x), y: up(point.most) - 10, anchor: 'middle', class: 'number' }) +
      text(short(point.x), { x: across(point.x), y: bottom + 22, anchor: 'middle' }),
  );
  const course = points.map((point) => `${at(across(point.x))},${at(up(point.y))}`).join(' ');
  return [
    ...grid,
    `<polyline class="line" points="${course}"/>`,
    ...marks,
    text(y.label, { x: MARGIN.left, y: 50 }),
    text(x.label, { x: (MARGIN.left + right) / 2, y: HEIGHT - 16, anchor: 'middle' }),
  ].join('');
}

/** Rising, from zero or a power of ten on to at least the highest point. */
export function ticksOf(scale: Axis['scale'], points: readonly Point[]): number[] {
  const most = Math.max(...points.map((point) => point.most)) * HEADROOM;
  if (scale === 'log') {
    const first = Math.floor(Math.log10(Math.min(...points.map((point) => point.least))));
    const last = Math.max(first + 1, Math.ceil(Math.log10(most)));
    return Array.from({ length: last - first + 1 }, (_, i) => 10 ** (first + i));
  }
  const rough = most / MAX_GRID;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough)!;
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, i) => i * step);
}

/** Three digits, and a letter for thousands and millions. */
export function short(value: number): string {
  const [factor, letter] = value >= 999_500 ? [1e6, 'M'] : value >= 999.5 ? [1e3, 'k'] : [1, ''];
  return `${Number((value / factor).toPrecision(3))}${letter}`;
}

type Range = readonly [from: number, to: number];

function scaled(scale: Axis['scale'], from: Range, to: Range): (value: number) => number {
  const place = scale === 'log' ? Math.log10 : (value: number) => value;
  const [low, high] = from.map(place);
  return (value) => to[0] + ((place(value) - low) / (high - low)) * (to[1] - to[0]);
}

function line(kind: string, from: Range, to: Range): string {
  return `<line class="${kind}" x1="${at(from[0])}" y1="${at(from[1])}" x2="${at(to[0])}" y2="${at(to[1])}"/>`;
}

function text(words: string, { x, y, ...rest }: { x: number; y: number; anchor?: string; class?: string }): string {
  const { anchor = 'start', class: kind = 'text' } = rest;
  return `<text class="${kind}" x="${at(x)}" y="${at(y)}" text-anchor="${anchor}">${escaped(words)}</text>`;
}

function at(place: number): string {
  return String(Number(place.toFixed(1)));
}

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
