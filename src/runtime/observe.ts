/** Lets a stream be observed by a plain RxJS program: `from(stream)`, `stream.subscribe` and `observe(stream, …)`. */
import { resolve } from 'node:path';
import { env } from 'node:process';
import { Observable, type Subscriber } from 'rxjs';
import { sink } from '../../operators/core/sink.ts';
import { type Pipeline, pipeline } from '../core/pipeline.ts';
import { sourcesOf } from '../core/plan.ts';
import type { RejectionKind } from '../core/rejection.ts';
import { type Stream, streamRunner } from '../core/stream.ts';
import { nodeDisk } from '../files/node-disk.ts';
import { readText } from '../files/read-text.ts';
import { kafkaConfig } from '../kafka/kafka-config.ts';
import { systemClock } from '../time/clock.ts';
import { openEnvironment } from './environment.ts';
import { run } from './run.ts';
import type { RunMode, StartFrom } from './run-options.ts';

export interface ObserveOptions {
  /** Group under which what was acknowledged is remembered. Default `observe-` and the topics of the stream. */
  readonly group?: string;
  /**
   * `host:port`, comma-separated. Default: KAFKA_BOOTSTRAP_SERVERS, else the embedded log. TLS and SASL are set up by the
   * command line's variables, such as MILLRACE_TLS_CA.
   */
  readonly brokers?: string;
  /** Default `.millrace`. */
  readonly stateDir?: string;
  /** Where a group begins that has acknowledged nothing. Default `earliest`. */
  readonly from?: StartFrom;
  /** False goes on where records are gone before they were read, instead of failing. Default true. */
  readonly failOnDataLoss?: boolean;
  /** `once` completes at the end offsets seen at the start; `live`, the default, never. */
  readonly mode?: Exclude<RunMode, 'drain'>;
}

/**
 * The values of a stream as an Observable; each subscription runs the stream.
 *
 * A value is acknowledged when the observer's `next` has returned; after a crash the values since the last checkpoint come
 * again (at-least-once). Unsubscribing stops the run in good order. Two subscriptions at a time need two groups.
 *
 * @example
 * ```ts
 * const tenOrders = observe(kafka('orders').pipe(decodeJson(), toDLQ('orders-dlq')), { group: 'audit' }).pipe(take(10));
 * // tenOrders.subscribe((order) => …) runs it
 * ```
 */
export function observe<T>(stream: Stream<T, RejectionKind>, options: ObserveOptions = {}): Observable<T> {
  return new Observable<T>((subscriber) => {
    const stopping = new AbortController();
    runFor(stream, subscriber, options, stopping.signal).then(
      () => subscriber.complete(),
      (thrown) => subscriber.error(thrown),
    );
    return () => stopping.abort();
  });
}

streamRunner.observe = (stream) => observe(stream);

async function runFor<T>(
  stream: Stream<T, RejectionKind>,
  subscriber: Subscriber<T>,
  options: ObserveOptions,
  signal: AbortSignal,
): Promise<void> {
  const group = options.group ?? `observe-${sourcesOf(stream.node).join('-')}`;
  const stateDir = resolve(options.stateDir ?? '.millrace');
  const kafka = kafkaConfig({ brokers: options.brokers }, { variables: env, readFile: readText });
  const environment = await openEnvironment({ kafka, stateDir });
  try {
    await run(observedPipeline(group, stream, subscriber), {
      ...environment,
      clock: systemClock,
      disk: nodeDisk,
      mode: options.mode ?? 'live',
      outputDir: resolve('.'),
      from: options.from,
      failOnDataLoss: options.failOnDataLoss,
      delivery: 'at-least-once',
      // One record a chunk, so that unsubscribing acknowledges exactly what was delivered.
      maxChunkRecords: 1,
      codegen: true,
      signal,
    });
  } finally {
    await environment.close();
  }
}

function observedPipeline<T>(group: string, stream: Stream<T, RejectionKind>, subscriber: Subscriber<T>): Pipeline {
  const observed = sink<T>({
    kind: 'observe',
    name: group,
    options: {},
    replayable: false,
    writer: () => ({
      write(chunk) {
        for (const value of chunk.values) {
          // The record behind several values is acknowledged by the last of them.
          if (subscriber.closed) throw new Error('unsubscribed between the values of one record');
          subscriber.next(value);
        }
      },
    }),
  })(stream);
  return { ...pipeline('observe', observed as never), group };
}
