/** `millrace dlq redrive NAME`: records of a DLQ topic go back to where they came from. Shows a plan, and sends with `--apply`. */
import { EXIT } from '../../core/errors.ts';
import { type Redriven, redrive } from '../dlq/redrive.ts';
import { type DlqRedriveFlags } from './dlq-flags.ts';
import { surveyed } from './dlq-list.ts';
import { type DlqCall, type DlqPlace, onDlq } from './dlq-places.ts';
import { againstLines, groupTable, ProgressLine } from './dlq-words.ts';
import { Screen } from './screen.ts';
import { spell } from './spelling.ts';
import { counted, duration, grouped, rate as perSecond } from './text.ts';

type Topic = DlqPlace['topics'][number];

const GROUPS_SHOWN = 10;

export function dlqRedriveCommand(call: DlqCall<DlqRedriveFlags>): Promise<number> {
  const { flags, world } = call;
  return onDlq(call, { withLate: false }, async (place, signal) => {
    const screen = new Screen(world);
    if (!flags.json) for (const line of place.leftOut) screen.show(line);
    let planned = 0;
    for (const dlq of place.topics) {
      if (flags.apply) {
        if (!(await apply(call, place, dlq, signal))) return EXIT.interrupted;
      } else {
        const waiting = await plan(call, place, dlq, signal);
        if (waiting === undefined) return EXIT.interrupted;
        planned += waiting;
      }
    }
    if (flags.apply || flags.json) return EXIT.ok;
    screen.show(
      planned === 0
        ? 'Nothing was sent, and there is nothing to send.'
        : `Nothing was sent. To do it: ${spell([...world.argv, '--apply'], world.env)}`,
    );
    return EXIT.ok;
  });
}

/** Shows what would be sent, and resolves to how many; `undefined` when it was stopped. */
async function plan(
  call: DlqCall<DlqRedriveFlags>,
  place: DlqPlace,
  dlq: Topic,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { flags, world } = call;
  const { records, verdicts, groups, finished } = await surveyed(call, place, dlq, signal);
  if (!finished) return undefined;
  const waiting = groups.filter((group) => group.verdicts.waiting > 0);
  if (flags.json) {
    const facts = waiting.map(({ kind, step, origin, reason, verdicts: { waiting: toSend } }) => ({
      records: toSend,
      to: origin,
      kind: kind ?? null,
      step: step ?? null,
      reason,
    }));
    const line = {
      event: 'plan',
      dlq: dlq.topic,
      applied: false,
      records,
      toSend: verdicts.waiting,
      verdicts,
      groups: facts,
    };
    world.stdout.write(`${JSON.stringify(line)}\n`);
    return verdicts.waiting;
  }
  const screen = new Screen(world);
  const origins = [...new Set(waiting.map(({ origin }) => origin))].join(', ');
  screen.show(`${dlq.topic} on ${place.environment.log.description}: ${counted(records, 'record')}`);
  screen.show(`To be sent${origins === '' ? '' : ` → ${origins}`}: ${counted(verdicts.waiting, 'record')}`);
  if (waiting.length > 0) for (const line of groupTable(waiting, GROUPS_SHOWN)) screen.show(line);
  const others = againstLines(verdicts, place.court.maxAttempts);
  if (others.length > 0) screen.show('To stay where they are, records that');
  for (const line of others) screen.show(line);
  if (flags.rate !== undefined && verdicts.waiting > 0)
    screen.show(`At ${perSecond(flags.rate)} records a second: ${duration((verdicts.waiting / flags.rate) * 1_000)}`);
  return verdicts.waiting;
}

/** Resolves to whether it came to the end. */
async function apply(
  { flags, world }: DlqCall<DlqRedriveFlags>,
  { environment: { log, store }, court }: DlqPlace,
  dlq: Topic,
  signal: AbortSignal,
): Promise<boolean> {
  const screen = new Screen(world);
  const began = world.clock.now();
  let now: Redriven | undefined;
  const tell = (event: string): void => {
    if (now === undefined) return;
    const { seen, total, verdicts, finished } = now;
    const line = { event, dlq: dlq.topic, sent: verdicts.waiting, seen, total, verdicts, finished };
    world.stdout.write(`${JSON.stringify(line)}\n`);
  };
  const progress = new ProgressLine(world, screen, flags.json ? () => tell('status') : undefined);
  try {
    now = await redrive({
      log,
      store,
      clock: world.clock,
      dlq,
      court,
      rate: flags.rate,
      signal,
      onProgress: (redriven) => {
        now = redriven;
        const elapsed = Math.max(1, world.clock.now() - began);
        const { verdicts, seen, total } = redriven;
        const speed = perSecond((verdicts.waiting / elapsed) * 1_000);
        progress.say(
          `${dlq.topic}: ${grouped(verdicts.waiting)} sent (${speed}/s), ${grouped(seen)} of ${grouped(total)} looked at`,
        );
      },
    });
  } finally {
    progress.close();
  }
  if (flags.json) tell('end');
  else for (const line of endLines(dlq.topic, now, world.clock.now() - began, court.maxAttempts)) screen.show(line);
  if (!now.finished && !flags.json) screen.show(`Stopped. To go on: ${spell(world.argv, world.env)}`);
  return now.finished;
}

function endLines(dlq: string, { verdicts }: Redriven, ms: number, maxAttempts: number): string[] {
  const others = againstLines(verdicts, maxAttempts);
  return [
    `${dlq}: ${counted(verdicts.waiting, 'record')} sent in ${duration(ms)}`,
    ...(others.length > 0 ? ['Left where they are, records that', ...others] : []),
  ];
}
