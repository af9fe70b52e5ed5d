/** From arguments to one invocation, or an error that names the flag and the fix. Nothing is run here. */
import { Command, CommanderError } from 'commander';
import { MillraceError } from '../../core/errors.ts';
import type { Pipeline } from '../../core/pipeline.ts';
import { PASSWORD_VARIABLE, SETTINGS } from '../../kafka/kafka-settings.ts';
import type { AnyGenerator } from '../generator.ts';
import { usageError } from './failure.ts';
import { ownFlags, withOptions } from './own-params.ts';
import { addDlq, type DlqInvocation } from './parse-dlq.ts';
import {
  type GenerateFlags,
  generateOptions,
  placeOptions,
  type PlaceFlags,
  type ResetFlags,
  resetOptions,
  type RunFlags,
  runOptions,
  yesOrNo,
} from './flags.ts';

export type DescribeFormat = 'text' | 'mermaid' | 'json';
export type ParamFlags = Readonly<Record<string, string | number | boolean>>;

export interface HelpInvocation {
  readonly command: 'help';
  readonly text: string;
}

export type Invocation =
  | { readonly command: 'list' | 'version' }
  | HelpInvocation
  | { readonly command: 'run'; readonly flags: RunFlags; readonly params: ParamFlags }
  | {
      readonly command: 'describe';
      readonly format: DescribeFormat;
      readonly flags: PlaceFlags;
      readonly params: ParamFlags;
    }
  | { readonly command: 'reset'; readonly flags: ResetFlags; readonly params: ParamFlags }
  | DlqInvocation
  | { readonly command: 'generate'; readonly flags: GenerateFlags; readonly params: ParamFlags };

/** The pipeline whose own flags are to be understood. */
export interface Known {
  readonly pipeline: Pipeline;
  readonly generator: AnyGenerator | undefined;
}

type Env = Readonly<Record<string, string | undefined>>;

/** The pipeline that the arguments name, by name or path; its own flags are not known yet. */
export function targetOf(argv: readonly string[]): string | undefined {
  const program = createProgram(undefined, () => {});
  if (argv.length === 0) return undefined;
  const first = argv[0];
  let command: Command | undefined;
  let rest: readonly string[] = argv;
  for (let next = commandOf(program, rest); next !== undefined; next = commandOf(next, rest)) {
    command = next;
    rest = rest.slice(1);
  }
  // A mistake in a flag is told before the pipeline is looked for; it is most likely the first word.
  const name = command === undefined ? first : rest[0];
  return orUsageError(
    () => {
      // A command of commands, such as dlq, names no pipeline by itself.
      if (command !== undefined && command.commands.length > 0) return undefined;
      if (command !== undefined) return command.parseOptions([...rest]).operands[0];
      return program.parseOptions([...argv]).operands[0];
    },
    name === undefined || name.startsWith('-') ? undefined : helped(argv, name),
  );
}

/** The words in front of --help that show the flags which were meant: `orders`, `dlq show orders`. */
function helped(argv: readonly string[], name: string): string {
  return [...argv.slice(0, Math.max(0, argv.indexOf(name))), name].join(' ');
}

function commandOf(program: Command, words: readonly string[]): Command | undefined {
  return program.commands.find((each) => each.name() === words[0]);
}

function allCommands(program: Command): Command[] {
  return [program, ...program.commands.flatMap(allCommands)];
}

/**
 * @throws MillraceError CONFIG_INVALID
 */
export function parseArguments(argv: readonly string[], known: Known | undefined, env: Env): Invocation {
  let invocation: Invocation | undefined;
  let printed = '';
  const program = createProgram(
    known,
    (parsed) => {
      invocation = parsed;
    },
    (text) => {
      printed += text;
    },
  );
  for (const command of allCommands(program)) applyEnvironment(command, env, known?.pipeline.name);
  try {
    orUsageError(() => program.parse([...argv], { from: 'user' }), known && helped(argv, known.pipeline.name));
  } catch (thrown) {
    if (thrown !== HELP) throw thrown;
    return { command: 'help', text: printed };
  }
  return invocation!;
}

const LOST_FLAG = 'is it the value of a flag? Through npm, flags go behind a lone --: npm run pipeline NAME -- --flags';
/** The one that is not there; what stands behind it may be a password, and is not repeated. */
const PASSWORD_FLAG = /unknown option '--sasl-password\b(?!-)/;
const NO_PASSWORD_FLAG = 'there is no --sasl-password: others on this machine see the flags of a process';
const PASSWORD_WAYS = `set ${PASSWORD_VARIABLE}, or write ${SETTINGS.saslPasswordFile.flag} FILE`;
const HELP = Symbol('help was printed');

function createProgram(
  known: Known | undefined,
  accept: (invocation: Invocation) => void,
  print: (text: string) => void = () => {},
): Command {
  const program = new Command('millrace').exitOverride().enablePositionalOptions();
  // Errors are told by whoever catches them: commander's own words may hold a secret.
  program.configureOutput({ writeOut: print, writeErr: () => {} });
  program.usage(
    '[pipeline] [flags]\n       millrace describe|reset|generate <pipeline> [flags]\n       millrace dlq list|show|redrive <pipeline> [flags]',
  );
  program.argument('[pipeline]', 'name of a pipeline in ./pipelines, or path of its file; without it, lists pipelines');
  program.description('Runs stream-processing pipelines, on an embedded log or on Kafka.');
  program.option('-V, --version', 'print the version');
  const params = withOptions(program, 'Flags', runOptions(), known);
  program.addHelpText('after', examples(known));
  program.action((target: string | undefined, flags: RunFlags & { version?: boolean }) => {
    if (flags.version) accept({ command: 'version' });
    else if (target === undefined) accept(listOrRefuse(program));
    else accept({ command: 'run', flags: ownFlags(flags, params), params: params.take(flags) });
  });
  addDescribe(program, known, accept);
  addDlq(program, known, accept);
  const reset = program
    .command('reset')
    .argument('<pipeline>')
    .description('begin a pipeline again: current → new position');
  const resetParams = withOptions(reset, 'Flags', resetOptions(), known);
  reset.action((_: string, flags: ResetFlags) =>
    accept({ command: 'reset', flags: ownFlags(flags, resetParams), params: resetParams.take(flags) }),
  );
  const generate = program.command('generate').argument('<pipeline>').description("run a pipeline's generator alone");
  const asksParams = known?.generator !== undefined && 'configure' in known.generator;
  const generateParams = withOptions(generate, 'Flags', generateOptions(), known, asksParams ? 'shown' : 'hidden');
  generate.action((_: string, flags: GenerateFlags) =>
    accept({ command: 'generate', flags: ownFlags(flags, generateParams), params: generateParams.take(flags) }),
  );
  return program;
}

function addDescribe(program: Command, known: Known | undefined, accept: (invocation: Invocation) => void): void {
  const describe = program.command('describe').argument('<pipeline>').description('draw the plan of a pipeline');
  const format = describe
    .createOption('--format <FORMAT>', 'how to draw it')
    .choices(['text', 'mermaid', 'json'])
    .default('text');
  const params = withOptions(describe, 'Flags', [format, placeOptions()[1]], known);
  describe.action((_: string, { format, ...flags }: PlaceFlags & { format: DescribeFormat }) =>
    accept({ command: 'describe', format, flags: ownFlags(flags, params), params: params.take(flags) }),
  );
}

/** Other names that variables go by. */
const ALIASES: Readonly<Record<string, string>> = { KAFKA_BOOTSTRAP_SERVERS: 'KAFKA_BOOTSTRAP' };

/** Flags without a pipeline do nothing: most likely its name was forgotten. */
function listOrRefuse(program: Command): Invocation {
  // What variables and defaults say comes with every call.
  const isGiven = program.options.some((option) => program.getOptionValueSource(option.attributeName()) === 'cli');
  if (!isGiven) return { command: 'list' };
  throw usageError(
    'flags were given, but no pipeline',
    'write the name of the pipeline first: `millrace NAME --flags`',
  );
}

/** Like commander's own reading of variables, but from the environment that was handed in; an empty one counts as none. */
function applyEnvironment(command: Command, env: Env, pipeline: string | undefined): void {
  for (const option of command.options) {
    if (option.envVar === undefined) continue;
    const name = option.envVar;
    const alias = ALIASES[name];
    option.envVar = undefined;
    option.description += ` (or ${name}${alias === undefined ? '' : `, ${alias}`})`;
    const given = [name, alias].find((each) => each !== undefined && (env[each] ?? '') !== '');
    if (given === undefined) continue;
    const value = env[given]!;
    const read = option.isBoolean() || option.negate ? yesOrNo : (option.parseArg ?? String);
    const parsed: unknown = orUsageError(() => read(value, undefined), pipeline, `${given}: '${value}' is invalid. `);
    command.setOptionValueWithSource(option.attributeName(), parsed, 'env');
  }
}

/** Turns commander's errors into ours: message and, where it has one, its suggestion. */
function orUsageError<R>(parse: () => R, pipeline?: string, prefix = ''): R {
  try {
    return parse();
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    if (thrown.code === 'commander.helpDisplayed' || thrown.code === 'commander.help') throw HELP;
    if (PASSWORD_FLAG.test(thrown.message)) throw usageError(NO_PASSWORD_FLAG, PASSWORD_WAYS);
    const [message, suggestion] = thrown.message.replace(/^error: /, '').split('\n');
    const see = `see \`millrace ${pipeline === undefined ? '' : `${pipeline} `}--help\``;
    const hint = thrown.code === 'commander.excessArguments' ? LOST_FLAG : suggestion?.replaceAll(/^\(|\)$/g, '');
    throw new MillraceError('CONFIG_INVALID', `${prefix}${message}`, { hint: hint ?? see });
  }
}

function examples(known: Known | undefined): string {
  const name = known?.pipeline.name ?? 'orders';
  const about = known?.generator === undefined ? '' : `\nGenerator: ${known.generator.description}\n`;
  return `${about}
Exit codes: 0 ok, 1 pipeline failed, 2 usage or configuration, 3 environment (broker, port, disk), 130 forced.

Examples:
  millrace ${name}                            on the embedded log in .millrace/
  millrace ${name} --brokers 127.0.0.1:9092   on Kafka
  millrace ${name} --once                     process what is there, then stop
  npm run pipeline ${name} -- --dry-run       through npm: flags go behind a lone --`;
}
