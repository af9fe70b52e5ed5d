/** `pipeline()`: names sealed streams and makes them runnable, provided that no rejection is left without a place to go. */
import { MillraceError } from './errors.ts';
import { requireStorableName } from './names.ts';
import type { RejectionKind } from './rejection.ts';
import type { AnySealedStream, AnyStream, SealedStream } from './stream.ts';

/** A flag of a pipeline's own: `metricsFile` becomes `--metrics-file`. */
export interface Param<V extends string | number | boolean> {
  readonly default: V;
  readonly description: string;
  /** Variable of the environment that says it where the flag does not; an empty one counts as none. */
  readonly env?: string;
  /** Least value that the flag of a number takes. */
  readonly min?: number;
  /** The number has to be whole. */
  readonly integer?: boolean;
  /** What a text has to be, in words, where it is not: `It must be a duration, such as 30 seconds.` */
  readonly check?: (value: string) => string | undefined;
}

export type Params = Readonly<Record<string, Param<string> | Param<number> | Param<boolean>>>;

export type ParamValues<P extends Params> = {
  readonly [K in keyof P]: P[K] extends Param<infer V> ? Widen<V> : never;
};

type Widen<V> = V extends string ? string : V extends number ? number : boolean;

export interface PipelineOptions {
  /** Consumer group under which offsets are kept. Default: the pipeline's name. */
  readonly group?: string;
  /** Raise it to say that the same plan now computes something else: a checkpoint of another version is refused. */
  readonly version?: number;
  /** One sentence for the list of pipelines. */
  readonly description?: string;
}

/** A pipeline as its file exports it. `build` gives the plan for one set of flags. */
export interface Pipeline<P extends Params = Params> {
  readonly name: string;
  readonly group: string;
  readonly version: number;
  readonly description: string;
  readonly params: P;
  build(values: ParamValues<P>): readonly AnySealedStream[];
}

/** What `pipeline()` takes in place of a stream that still has rejections: nothing has this property. */
export interface Unhandled<E> {
  readonly 'some rejections have nowhere to go: add toDLQ() or lateTo()': E;
}

/** What `pipeline()` takes in place of a stream without a sink. */
export interface Unsealed<S> {
  readonly 'a stream has to end with a sink, such as sinkKafka() or sinkJsonl()': S;
}

/**
 * A sealed stream, if every rejection has somewhere to go. CallbackError has: where no toDLQ() stands below the callback,
 * a throw stops the pipeline.
 */
export type Handled<S> =
  S extends SealedStream<unknown, infer E>
    ? [Exclude<E, 'CallbackError'>] extends [never]
      ? S
      : Unhandled<Exclude<E, 'CallbackError'>>
    : S extends AnyStream
      ? Unsealed<S>
      : PipelineOptions;

type HandledAll<S extends readonly unknown[]> = { readonly [I in keyof S]: Handled<S[I]> };

/**
 * A runnable pipeline of one or more sealed streams. A pipeline file exports it by default.
 *
 * @throws MillraceError PLAN_INVALID
 * @example
 * ```ts
 * export default pipeline('copy', kafka('a').pipe(sinkKafka('b', { value: (r) => r.value })));
 * ```
 * @example Flags of its own
 * ```ts
 * export default pipeline(
 *   'copy',
 *   { params: { to: { default: 'copy.jsonl', description: 'where the lines go' } } },
 *   ({ to }) => [kafka('lines').pipe(map((r) => String(r.value)), sinkJsonl(to))],
 * );
 * ```
 */
export function pipeline<const P extends Params, const S extends readonly AnySealedStream[]>(
  name: string,
  options: PipelineOptions & { readonly params: P },
  build: (params: ParamValues<P>) => HandledAll<S> & S,
): Pipeline<P>;
export function pipeline<const S extends readonly [unknown, ...unknown[]]>(
  name: string,
  ...optionsAndStreams: HandledAll<S> & S
): Pipeline;
export function pipeline(name: string, ...rest: readonly unknown[]): Pipeline {
  if (!/^[a-z0-9][a-z0-9._-]*$/i.test(name)) {
    throw new MillraceError(
      'PLAN_INVALID',
      `pipeline name '${name}' may have letters, digits, dot, hyphen and underscore only`,
    );
  }
  requireStorableName('the name of the pipeline', name);
  const [first, ...others] = rest;
  const hasOptions = isOptions(first);
  const options = (hasOptions ? first : {}) as PipelineOptions & { params?: Params };
  const streams = hasOptions ? others : rest;
  const build = streams[0];
  const group = options.group ?? name;
  requireStorableName(`the group of pipeline '${name}'`, group);
  return {
    name,
    group,
    version: options.version ?? 1,
    description: options.description ?? '',
    params: options.params ?? {},
    build: (values) => {
      const given = typeof build === 'function' ? (build(values) as readonly unknown[]) : streams;
      const sealed = (Array.isArray(given) ? given : [given]).map((stream) => requireSealed(name, stream));
      if (sealed.length > 0) return sealed;
      throw new MillraceError('PLAN_INVALID', `pipeline '${name}' has no stream`, { hint: HOW_TO_SEAL });
    },
  };
}

const HOW_TO_SEAL = 'end each stream with a sink, such as sinkKafka() or sinkJsonl()';

/** Pipeline files are run without a check of their types: a stream without a sink, or a list of them, is no options. */
function isOptions(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !('node' in value);
}

function isSealed(value: unknown): value is SealedStream<unknown, RejectionKind> {
  return typeof value === 'object' && value !== null && 'node' in value && !('pipe' in value);
}

function requireSealed(name: string, stream: unknown): AnySealedStream {
  if (isSealed(stream)) return stream;
  const hint = Array.isArray(stream) ? `give the streams one after the other: pipeline('${name}', a, b)` : HOW_TO_SEAL;
  const what = Array.isArray(stream) ? 'a list' : 'something that is not a stream with a sink';
  throw new MillraceError('PLAN_INVALID', `pipeline '${name}' was given ${what}`, { hint });
}
