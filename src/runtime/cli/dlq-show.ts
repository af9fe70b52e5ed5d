/** `millrace dlq show NAME`: records of a DLQ topic one by one, with their bytes. */
import { EXIT } from '../../core/errors.ts';
import type { Header } from '../../core/record-batch.ts';
import type { LogClient, TopicInfo } from '../../log/log-client.ts';
import { type Court, type Letter, letterAt, type Verdict, verdictOn } from '../dlq/letters.ts';
import { Notes } from '../dlq/notes.ts';
import { scan, wholeTopic } from '../dlq/scan.ts';
import { escaped, hexLines, isShowable } from './bytes-text.ts';
import { DEFAULT_SHOWN, type DlqShowFlags } from './dlq-flags.ts';
import { type DlqCall, type DlqPlace, onDlq } from './dlq-places.ts';
import { reasonsAgainst } from './dlq-words.ts';
import { usageError } from './failure.ts';
import { Screen } from './screen.ts';
import { counted, grouped, instant } from './text.ts';

export function dlqShowCommand(call: DlqCall<DlqShowFlags>): Promise<number> {
  const { flags, world } = call;
  return onDlq(call, { withLate: true }, async (place, signal) => {
    if (flags.at !== undefined && place.topics.length > 1) {
      const names = place.topics.map(({ topic }) => topic).join(', ');
      throw usageError(`the pipeline has several DLQ topics (${names}): which is meant?`, 'name one with --dlq TOPIC');
    }
    const screen = new Screen(world);
    const most = flags.at === undefined ? (flags.limit ?? DEFAULT_SHOWN) : 1;
    let left = most;
    for (const dlq of place.topics) {
      const notes = new Notes(dlq);
      await notes.catchUp(place.environment.log, signal);
      const court: Court = { ...place.court, isRedriven: (letter) => notes.has(letter) };
      for await (const letter of letters(place.environment.log, dlq, flags.at, signal)) {
        const verdict = verdictOn(letter, court);
        if (verdict === 'unmatched') continue;
        if (flags.json) world.stdout.write(`${JSON.stringify(asJson(letter, verdict))}\n`);
        else for (const line of forPeople(letter, verdict, place, flags.hex === true)) screen.show(line);
        if (--left === 0) return EXIT.ok;
      }
    }
    if (flags.at !== undefined) throw nothingThere(flags.at, place);
    if (left === most && !flags.json) screen.message(flags.where ? 'no record meets --where' : 'there is no record');
    return signal.aborted ? EXIT.interrupted : EXIT.ok;
  });
}

async function* letters(
  log: LogClient,
  dlq: TopicInfo,
  at: DlqShowFlags['at'],
  signal: AbortSignal,
): AsyncGenerator<Letter, void, undefined> {
  const range = await wholeTopic(log, dlq.topic);
  const one = at && {
    from: range.from.map((first, partition) => (partition === at.partition ? Math.max(first, at.offset) : first)),
    to: range.to.map((end, partition) => (partition === at.partition ? Math.min(end, at.offset + 1) : 0)),
  };
  for await (const batch of scan(log, dlq.topic, one ?? range, signal)) {
    for (let row = 0; row < batch.length; row++) yield letterAt(batch, row);
  }
}

function nothingThere(
  at: NonNullable<DlqShowFlags['at']>,
  { topics, environment: { log }, pipeline }: DlqPlace,
): Error {
  const name = topics[0]?.topic ?? 'the DLQ';
  return usageError(
    `there is no such record at offset ${at.offset} of ${name}[${at.partition}] on ${log.description}`,
    `\`millrace dlq show ${pipeline}\` shows where some are`,
  );
}

function asJson(letter: Letter, verdict: Verdict): object {
  const { topic, partition, offset, timestamp, key, value, headers, record, attempts } = letter;
  const decoded = record && {
    reason: record.reason,
    kind: record.kind ?? null,
    step: record.step ?? null,
    failedAt: new Date(record.failedAt).toISOString(),
    origin: { topic: record.topic ?? null, partition: record.partition ?? null, offset: record.offset ?? null },
    form: record.form,
    payload: bytesAsJson(record.payload),
    headers: record.headers.map(headerAsJson),
    cutFrom: record.cutFrom ?? null,
    stack: record.stack ?? null,
  };
  return {
    event: 'record',
    dlq: topic,
    partition,
    offset,
    timestamp: new Date(timestamp).toISOString(),
    verdict,
    attempts,
    key: bytesAsJson(key),
    // What lies there as it is, where it cannot be taken apart.
    ...(decoded ?? { value: bytesAsJson(value), headers: headers.map(headerAsJson) }),
  };
}

function headerAsJson({ key, value }: Header): object {
  return { key, value: bytesAsJson(value) };
}

/** The text where they are one; the bytes in any case. */
function bytesAsJson(bytes: Uint8Array | null): object | null {
  if (bytes === null) return null;
  const buffer = Buffer.from(bytes);
  return { text: isShowable(bytes) ? buffer.toString() : null, base64: buffer.toString('base64') };
}

function forPeople(letter: Letter, verdict: Verdict, { court }: DlqPlace, hex: boolean): string[] {
  const { topic, partition, offset, timestamp, key, value, headers, record, attempts } = letter;
  const fate =
    verdict === 'waiting' ? 'can be redriven' : `not redriven: such records ${against(verdict, court.maxAttempts)}`;
  const lines = [`${topic}[${partition}] at offset ${offset}, ${instant(record?.failedAt ?? timestamp)}`];
  const field = (name: string, text: string): void => void lines.push(`  ${name.padEnd(9)} ${text}`);
  if (record !== undefined) {
    field('reason', escaped(record.reason));
    field('failed in', `${escaped(record.step ?? '-')} (${escaped(record.kind ?? 'unknown kind')})`);
    const at = record.offset === undefined ? '' : ` at offset ${record.offset}`;
    const time = record.timestamp === undefined ? '' : `, ${instant(record.timestamp)}`;
    field(
      'came from',
      `${escaped(record.topic ?? '-')}${record.partition === undefined ? '' : `[${record.partition}]`}${at}${time}`,
    );
    field('redriven', attempts === 0 ? 'never before it came here' : counted(attempts, 'time'));
  }
  field('next', fate);
  lines.push(...bytesLines('key', key, hex));
  for (const header of record?.headers ?? headers) {
    lines.push(...bytesLines(`header ${escaped(header.key)}`, header.value, hex));
  }
  lines.push(
    ...bytesLines(record === undefined ? 'value' : 'payload', record === undefined ? value : record.payload, hex),
  );
  if (record?.cutFrom !== undefined) field('cut', `the first part of ${grouped(record.cutFrom)} bytes`);
  if (record?.stack !== undefined)
    lines.push('  stack', ...record.stack.split('\n').map((line) => `    ${escaped(line.trim())}`));
  return [...lines, ''];
}

function against(verdict: Verdict, maxAttempts: number): string {
  return reasonsAgainst(maxAttempts).find(([each]) => each === verdict)?.[1] ?? '';
}

function bytesLines(name: string, bytes: Uint8Array | null, hex: boolean): string[] {
  if (bytes === null) return [`  ${name}: null`];
  const isText = !hex && isShowable(bytes);
  const head = `  ${name}: ${counted(bytes.length, 'byte')}, ${isText ? 'UTF-8' : 'hexadecimal'}`;
  const body = isText ? Buffer.from(bytes).toString().replaceAll('\r', '').split('\n') : hexLines(bytes);
  return [head, ...(bytes.length === 0 ? [] : body.map((line) => `    ${line}`))];
}
