/** The picture of a running pipeline, as lines. Pure: a function of two statuses and the terminal's size. */
import type { NodeStatus, PartitionStatus, RunStatus } from '../run-options.ts';
import { bytes, type Colors, counted, duration, fit, grouped, instant, rate, table, toAscii } from './text.ts';

export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly colors: Colors;
  /** Whether the terminal shows more than ASCII. */
  readonly unicode: boolean;
}

const MAX_PARTITIONS_SHOWN = 8;
/** Lines around the table of steps. */
const OTHER_LINES = 9;
const MIN_STEPS_SHOWN = 3;

/** `before` is a status of some seconds ago, for the rates. */
export function renderStatus(status: RunStatus, before: RunStatus | undefined, frame: Frame): string[] {
  const { colors } = frame;
  const dim = colors.dim;
  const head = `${colors.bold(status.pipeline)} ${dim('·')} ${status.log} ${dim('·')} group ${status.group} ${dim('·')} ${status.delivery} ${dim('·')} ${stateOf(status, colors)} ${duration(status.now - status.startedAt)}`;
  const lines = [head, ...steps(status, before, frame), ...times(status, colors), lagLine(status, colors)];
  const rejected = status.rejected === 0 ? 'rejected 0' : colors.yellow(`rejected ${grouped(status.rejected)}`);
  const late = status.late === 0 ? 'late 0' : colors.yellow(`late ${grouped(status.late)}`);
  const lost = status.lost === 0 ? '' : ` ${dim('·')} ${colors.red(`lost ${grouped(status.lost)}`)}`;
  lines.push(
    `${dim('data')}        ${rejected} ${dim('·')} ${late}${takenIn(status)}${lost} ${dim('·')} under way ${bytes(status.creditUsed)} of ${bytes(status.creditLimit)}`,
  );
  lines.push(`${dim('checkpoint')}  ${checkpointOf(status)}`);
  if (status.waitingFor !== undefined) lines.push(`${colors.yellow('waiting')}     ${status.waitingFor}`);
  // What stands for a character that the terminal lacks may be wider: it is put there before the line is measured.
  return lines.map((line) => (frame.unicode ? fit(line, frame.width) : fit(toAscii(line), frame.width, '...')));
}

/** The same in one line, for a log. */
export function renderLine(status: RunStatus, before: RunStatus | undefined): string {
  const windows = status.nodes.flatMap(({ openWindows }) => openWindows ?? []);
  const open = windows.reduce((sum, count) => sum + count, 0);
  const time = status.nodes.find(({ watermark }) => watermark !== undefined)?.watermark?.time;
  return [
    `${status.state} ${duration(status.now - status.startedAt)}`,
    `${rate(throughput(status, before))} records/s`,
    `lag ${grouped(totalLag(status.partitions))}`,
    ...(time === undefined ? [] : [`watermark ${instant(time)}`]),
    ...(windows.length === 0 ? [] : [counted(open, 'window open', 'windows open')]),
    `rejected ${grouped(status.rejected)}`,
    `late ${grouped(status.late)}`,
    ...(status.lost === 0 ? [] : [`lost ${grouped(status.lost)}`]),
    `checkpoint ${checkpointOf(status)}`,
    ...(status.waitingFor === undefined ? [] : [`waiting: ${status.waitingFor}`]),
  ].join(', ');
}

/** Records a second that enter the pipeline. */
export function throughput(status: RunStatus, before: RunStatus | undefined): number {
  return status.nodes
    .filter(({ role }) => role === 'source')
    .reduce((sum, node) => sum + perSecond(node, status, before, (counts) => counts.in), 0);
}

function steps(status: RunStatus, before: RunStatus | undefined, { height, colors }: Frame): string[] {
  const room = Math.max(MIN_STEPS_SHOWN, height - OTHER_LINES);
  const shown = status.nodes.length <= room ? status.nodes : status.nodes.slice(0, room - 1);
  const rows = shown.map((node) => [
    node.id,
    rate(perSecond(node, status, before, (counts) => counts.in)),
    node.role === 'sink' ? '' : rate(perSecond(node, status, before, (counts) => counts.emitted)),
    grouped(node.counts.in),
    noteOf(node),
  ]);
  const [head, ...body] = table(
    [['step', 'in/s', 'out/s', 'in all', ''], ...rows],
    ['left', 'right', 'right', 'right', 'left'],
  );
  const hidden = status.nodes.length - shown.length;
  return [colors.dim(head), ...body, ...(hidden > 0 ? [colors.dim(`… ${counted(hidden, 'more step')}`)] : [])];
}

function noteOf({ counts, openWindows, stateEntries }: NodeStatus): string {
  const notes: string[] = [];
  if (openWindows !== undefined) notes.push(counted(openWindows, 'window open', 'windows open'));
  else if (stateEntries !== undefined) notes.push(counted(stateEntries, 'entry', 'entries'));
  if (counts.filtered > 0) notes.push(`${grouped(counts.filtered)} filtered`);
  if (counts.rejected > 0) notes.push(`${grouped(counts.rejected)} rejected`);
  if (counts.late > 0) notes.push(`${grouped(counts.late)} late`);
  if (counts.taken > 0) notes.push(`${grouped(counts.taken)} taken`);
  return notes.join(', ');
}

function times({ nodes, now }: RunStatus, colors: Colors): string[] {
  const given = nodes.filter(({ kind, watermark }) => watermark !== undefined && kind === 'watermark');
  const shown = given.length > 0 ? given : nodes.filter(({ watermark }) => watermark !== undefined).slice(0, 1);
  return shown.map(({ watermark }) => {
    const { time, heldBackBy } = watermark!;
    const behind =
      Number.isFinite(time) && Math.abs(time) < now * 2
        ? `, ${duration(Math.max(0, now - time))} behind the clock`
        : '';
    const held =
      heldBackBy === undefined ? 'all partitions idle' : `held back by ${heldBackBy.topic}[${heldBackBy.partition}]`;
    return `${colors.dim('watermark')}   ${instant(time)}${behind} ${colors.dim('·')} ${held}`;
  });
}

function lagLine({ partitions }: RunStatus, colors: Colors): string {
  const label = colors.dim('lag');
  if (partitions.length <= MAX_PARTITIONS_SHOWN) {
    return `${label}         ${partitions.map(lagOf).join(colors.dim(' · '))}`;
  }
  const worst = partitions.reduce((a, b) => (b.lag > a.lag ? b : a));
  return `${label}         ${grouped(totalLag(partitions))} over ${partitions.length} partitions, most in ${lagOf(worst)}`;
}

function lagOf({ topic, partition, lag, paused }: PartitionStatus): string {
  return `${topic}[${partition}] ${grouped(lag)}${paused ? ' (waits for the others)' : ''}`;
}

function totalLag(partitions: readonly PartitionStatus[]): number {
  return partitions.reduce((sum, { lag }) => sum + lag, 0);
}

/** Where those went that did not go on. */
function takenIn({ nodes }: RunStatus): string {
  const taken = nodes
    .filter(({ counts }) => counts.taken > 0)
    .map(({ id, counts }) => `${id} ${grouped(counts.taken)}`);
  return taken.length === 0 ? '' : ` → ${taken.join(', ')}`;
}

function checkpointOf({ lastCheckpoint, now }: RunStatus): string {
  if (lastCheckpoint === undefined) return 'none yet';
  const { epoch, at, durationMs } = lastCheckpoint;
  return `${epoch}, ${duration(Math.max(0, now - at))} ago, took ${duration(durationMs)}`;
}

function stateOf({ state }: RunStatus, colors: Colors): string {
  return state === 'running' ? colors.green(state) : colors.yellow(state);
}

function perSecond(
  node: NodeStatus,
  status: RunStatus,
  before: RunStatus | undefined,
  count: (counts: NodeStatus['counts']) => number,
): number {
  const seconds = (status.now - (before?.now ?? status.startedAt)) / 1_000;
  const earlier = before?.nodes.find(({ id }) => id === node.id);
  // Counts go back to the pipeline's first start: without an earlier status there is nothing to take them from.
  if (seconds <= 0 || earlier === undefined) return 0;
  return Math.max(0, (count(node.counts) - count(earlier.counts)) / seconds);
}
