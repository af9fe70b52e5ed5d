/** A generator on Kafka, with its spool: what the flags say, how it runs, and what it tells. */
import { dirname, join, resolve } from 'node:path';
import type { Clock } from '../../core/ports.ts';
import type { KafkaPlace } from '../../kafka/kafka-config.ts';
import { type KafkaFlags, SETTINGS } from '../../kafka/kafka-settings.ts';
import type { ForwardingCounts, ForwardingEvent } from '../../spool/forwarding.ts';
import { runGenerator } from '../generate.ts';
import type { GeneratedRecord, Generator } from '../generator.ts';
import { SpooledTarget, type SpoolSettings } from '../spooled-target.ts';
import { usageError } from './failure.ts';
import { DEFAULT_SPOOL_BYTES, FILE_SPOOL_BYTES, type GeneratorFlags } from './flags.ts';
import type { Generation } from './generation.ts';
import { bytes, counted } from './text.ts';
import type { World } from './world.ts';

/**
 * Where and how records are buffered; `undefined` where they are not.
 * @throws MillraceError CONFIG_INVALID for flags of a spool where there is none
 */
export function spoolOf(
  flags: GeneratorFlags,
  kafka: KafkaPlace | undefined,
  generator: Pick<Generator, 'topic' | 'spool'>,
  places: { readonly stateDir: string; readonly cwd: string },
): SpoolSettings | undefined {
  const given = (
    [
      ['spool', '--spool'],
      ['spoolBytes', '--spool-bytes'],
      ['spoolFull', '--spool-full'],
    ] as const
  ).find(([name]) => flags[name] !== undefined && flags[name] !== false)?.[1];
  if (kafka === undefined || kafka.client === 'kafkajs' || flags.spool === false) {
    if (given === undefined) return undefined;
    if (flags.spool === false) throw usageError(`${given} and --no-spool exclude each other`, 'leave one of them out');
    const where = kafka === undefined ? 'on the embedded log' : 'through kafkajs';
    throw usageError(`${given}: there is no spool ${where}`, 'leave it out, or write to Kafka (--brokers host:port)');
  }
  const { topic, spool } = generator;
  const whenFull = flags.spoolFull ?? 'block';
  const maxBytes = flags.spoolBytes ?? DEFAULT_SPOOL_BYTES;
  if (typeof flags.spool === 'string') return { folder: resolve(places.cwd, flags.spool), maxBytes, whenFull };
  // Whoever writes the same file has the same folder, and its lock.
  const folder = join(places.stateDir, 'spool', encodeURIComponent(spool ?? topic));
  if (spool === undefined) return { folder, maxBytes, whenFull };
  const file = join(dirname(places.stateDir), spool);
  return { folder, file, maxBytes: flags.spoolBytes ?? FILE_SPOOL_BYTES, whenFull };
}

/** The cluster as the generator writes to it: with its own compression, unless flag or variable name one. */
export function kafkaFor(
  generator: Generator,
  kafka: KafkaPlace | undefined,
  flags: KafkaFlags,
  env: World['env'],
): KafkaPlace | undefined {
  const isChosen = flags.compression !== undefined || (env[SETTINGS.compression.variable] ?? '') !== '';
  if (kafka === undefined || kafka.client === 'kafkajs' || isChosen) return kafka;
  return { ...kafka, compression: generator.compression ?? kafka.compression };
}

export interface SpooledGeneration {
  readonly generator: Generator;
  readonly generation: Generation;
  readonly kafka: KafkaPlace;
  readonly spool: SpoolSettings;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Records that have been sent by now, in all, and the last of them. */
  readonly onProgress?: (sent: number, last: GeneratedRecord) => void;
  /** Told with its counts, now and whenever it is called, how it goes. */
  readonly onOpen?: (counts: () => ForwardingCounts) => void;
  readonly onEvent: (event: ForwardingEvent) => void;
  /** All are generated, and some are not in Kafka yet. */
  readonly onWait?: (buffered: number) => void;
}

/**
 * Generates until there are enough records and Kafka has all of them, or `signal` aborts. Resolves to what was generated, and
 * to what became of it.
 */
export async function generateThroughSpool(run: SpooledGeneration): Promise<ForwardingCounts & { generated: number }> {
  const { generator, generation, clock, signal } = run;
  const target = await SpooledTarget.open(run);
  const stop = (): void => void target.close().catch(() => {});
  signal.addEventListener('abort', stop, { once: true });
  try {
    run.onOpen?.(() => target.counts);
    if (signal.aborted) stop();
    const onProgress = (generated: number, last: GeneratedRecord): void => {
      if (target.counts.buffered === 0) run.onProgress?.(generated, last);
    };
    const job = { ...generation, log: target.log, target, clock, signal, onProgress };
    const generated = await runGenerator(generator, job);
    const { buffered } = target.counts;
    if (buffered > 0 && !signal.aborted) run.onWait?.(buffered);
    await target.flush();
    await target.close();
    return { generated, ...target.counts };
  } finally {
    signal.removeEventListener('abort', stop);
    await target.close();
  }
}

/** One line of what a producer tells. */
export function forwardingText(event: ForwardingEvent): string {
  switch (event.kind) {
    case 'leftover':
      return `sending ${counted(event.buffered, 'buffered record')} of an earlier run first`;
    case 'down':
      return `Kafka down, buffering: ${event.reason}`;
    case 'back':
      return `Kafka is back, sending ${counted(event.buffered, 'buffered record')}`;
    case 'drained':
      return 'all buffered records are in Kafka';
    case 'full':
      return event.whenFull === 'block'
        ? `the spool is full (${bytes(event.bytes)}): waiting for Kafka (--spool-bytes sets its size)`
        : `the spool is full (${bytes(event.bytes)}): dropping records until Kafka is back (--spool-bytes sets its size)`;
  }
}
