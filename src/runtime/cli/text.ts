/** Text for people: tables, widths, numbers, durations. Pure. */
import pc from 'picocolors';
import type { Out, World } from './world.ts';

export type Colors = ReturnType<typeof pc.createColors>;

/** Colours where a person looks and has not declined them. */
export function colorsFor(out: Out, env: World['env']): Colors {
  return pc.createColors(out.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb');
}

/** Whether the terminal shows more than ASCII. */
export function isUnicode(env: World['env'], platform: string = process.platform): boolean {
  if (platform === 'win32') return env.WT_SESSION !== undefined || env.TERM_PROGRAM !== undefined;
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || '';
  return env.TERM !== 'linux' && (/utf-?8/i.test(locale) || locale === '');
}

const ASCII: Readonly<Record<string, string>> = {
  '→': '->',
  '·': '-',
  '…': '...',
  '│': '|',
  '├': '+',
  '└': '+',
  '─': '-',
  '−': '-',
  '≥': '>=',
  '↑': '^',
};

/** The same for a terminal without Unicode. */
export function toAscii(text: string): string {
  return text.replaceAll(/[→·…│├└─−≥↑]/g, (char) => ASCII[char]);
}

export type Align = 'left' | 'right';

/** Columns as wide as their widest cell; the last is not padded. */
export function table(rows: readonly (readonly string[])[], aligns: readonly Align[]): string[] {
  const widths = aligns.map((_, column) => Math.max(0, ...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (aligns[column] === 'right' ? cell.padStart(widths[column]) : cell.padEnd(widths[column])))
      .join('  ')
      .trimEnd(),
  );
}

// oxlint-disable-next-line no-control-regex -- terminal control sequences begin with a control character
const ESCAPES = /\u001b\[[0-9;?]*[A-Za-z]/y;

/** The line cut to `width` visible columns, `mark` included; colours are closed behind a cut. */
export function fit(line: string, width: number, mark = '…'): string {
  const room = Math.max(0, width - mark.length);
  let cut = '';
  let visible = 0;
  let at = 0;
  let escaped = false;
  while (at < line.length) {
    ESCAPES.lastIndex = at;
    const escape = ESCAPES.exec(line);
    if (escape !== null) {
      at += escape[0].length;
      escaped = true;
    } else {
      if (visible === room) cut = `${line.slice(0, at)}${escaped ? '\u001b[0m' : ''}${mark.slice(0, width)}`;
      if (visible === width) return cut;
      visible++;
      at += line.codePointAt(at)! > 0xffff ? 2 : 1;
    }
  }
  return line;
}

/** `12,034`. Intl.NumberFormat says the same, and takes a fifth of the time in which `--help` is there. */
export function grouped(n: number): string {
  return n.toFixed(0).replaceAll(/\B(?=(?:\d{3})+$)/g, ',');
}

/** `1 checkpoint`, `1,200 checkpoints` */
export function counted(n: number, one: string, many = `${one}s`): string {
  return `${grouped(n)} ${n === 1 ? one : many}`;
}

/** `12.3k`, `4.56M`, `7`, `0.4` */
export function rate(perSecond: number): string {
  if (perSecond >= 1e6) return `${(perSecond / 1e6).toFixed(2)}M`;
  if (perSecond >= 10_000) return `${(perSecond / 1e3).toFixed(1)}k`;
  return perSecond > 0 && perSecond < 10 ? perSecond.toFixed(1) : grouped(perSecond);
}

/** `250 ms`, `4.2 s`, `3 min 20 s`, `2 h 5 min` */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`;
}

/** `1.5 MiB` */
export function bytes(n: number): string {
  if (n >= 1_073_741_824) return `${(n / 1_073_741_824).toFixed(1)} GiB`;
  return n < 1_048_576 ? `${Math.ceil(n / 1_024)} KiB` : `${(n / 1_048_576).toFixed(1)} MiB`;
}

/** `2024-02-29 12:00:00Z`; a dash for a time that is not there yet. */
export function instant(time: number): string {
  if (!Number.isFinite(time)) return '-';
  if (Math.abs(time) > 8.64e15) return 'the end of time';
  return `${new Date(time).toISOString().slice(0, 19).replace('T', ' ')}Z`;
}
