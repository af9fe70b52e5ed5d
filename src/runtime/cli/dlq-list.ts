/** `millrace dlq list NAME`: what lies in the DLQ topics of a pipeline, by reason and step. */
import { EXIT } from '../../core/errors.ts';
import { type Survey, survey } from '../dlq/survey.ts';
import { DEFAULT_LISTED, type DlqListFlags } from './dlq-flags.ts';
import { type DlqCall, type DlqPlace, onDlq } from './dlq-places.ts';
import { againstLines, groupTable, ProgressLine } from './dlq-words.ts';
import { Screen } from './screen.ts';
import { spell } from './spelling.ts';
import { counted, grouped } from './text.ts';

export function dlqListCommand(call: DlqCall<DlqListFlags>): Promise<number> {
  return onDlq(call, { withLate: true }, async (place, signal) => {
    for (const dlq of place.topics) {
      const found = await surveyed(call, place, dlq, signal);
      if (call.flags.json) listAsJson(call, found);
      else listForPeople(call, place, found);
      if (!found.finished) return EXIT.interrupted;
    }
    const screen = new Screen(call.world);
    if (!call.flags.json) for (const line of place.leftOut) screen.show(line);
    return EXIT.ok;
  });
}

/** Counts the records of one topic, and tells how far it is. */
export async function surveyed(
  { flags, world }: DlqCall,
  { environment: { log }, court }: DlqPlace,
  dlq: DlqPlace['topics'][number],
  signal: AbortSignal,
): Promise<Survey> {
  const progress = new ProgressLine(world, new Screen(world), flags.json ? () => {} : undefined);
  try {
    return await survey({
      log,
      dlq,
      court,
      signal,
      onProgress: (seen, total) => progress.say(`reading ${dlq.topic}: ${grouped(seen)} of ${grouped(total)}`),
    });
  } finally {
    progress.close();
  }
}

function listForPeople({ flags, world }: DlqCall<DlqListFlags>, place: DlqPlace, found: Survey): void {
  const screen = new Screen(world);
  const { dlq, records, verdicts, groups } = found;
  screen.show(
    `${dlq} on ${place.environment.log.description}: ${counted(records, 'record')}${found.finished ? '' : ' so far'}`,
  );
  if (groups.length > 0) for (const line of groupTable(groups, flags.limit ?? DEFAULT_LISTED)) screen.show(line);
  if (records === 0) return;
  screen.show(`${counted(verdicts.waiting, 'record')} can be redriven`);
  const others = againstLines(verdicts, place.court.maxAttempts);
  for (const line of others) screen.show(line);
  if (verdicts.waiting === 0) return;
  const words = world.argv.map((word) => (word === 'list' ? 'show' : word));
  screen.show(`See some: ${spell(flags.dlq === undefined ? [...words, '--dlq', dlq] : words, world.env)}`);
}

function listAsJson({ world }: DlqCall, { dlq, records, verdicts, groups, finished }: Survey): void {
  for (const { kind, step, origin, firstFailedAt, lastFailedAt, ...group } of groups) {
    const times = {
      firstFailedAt: new Date(firstFailedAt).toISOString(),
      lastFailedAt: new Date(lastFailedAt).toISOString(),
    };
    const line = {
      event: 'group',
      dlq,
      kind: kind ?? null,
      step: step ?? null,
      origin: origin ?? null,
      ...group,
      ...times,
    };
    world.stdout.write(`${JSON.stringify(line)}\n`);
  }
  world.stdout.write(`${JSON.stringify({ event: 'end', dlq, records, verdicts, groups: groups.length, finished })}\n`);
}
