/**
 * Flags that npm kept for itself: `npm run pipeline orders --dry-run` hands no flag over, and would run for real. They
 * survive as `npm_config_*` variables.
 */
import { kebab } from './flags.ts';
import { usageError } from './failure.ts';

/** A flag that npm can swallow. */
export interface Swallowable {
  /** `--dry-run` */
  readonly long: string;
  readonly takesValue: boolean;
  readonly isNegated: boolean;
}

export interface NpmCall {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The text of a configuration file of npm, empty where there is none. */
  readFile(path: string): string;
}

/** npm reads `--apply` as its single-letter flags -a -p -p -l -y. */
const APPLY_AS_LETTERS = ['all', 'parseable', 'long', 'yes'];
/** npm 11 takes `--to` for the beginning of its own `--token-description`. */
const TO_AS_NPM_FLAG = 'token_description';

/** @throws MillraceError CONFIG_INVALID with the right command, when npm has swallowed a flag of ours */
export function refuseSwallowedFlags(flags: readonly Swallowable[], call: NpmCall): void {
  const { argv, env } = call;
  const script = env.npm_lifecycle_event;
  if (script === undefined || !/\bmillrace\b/.test(env.npm_lifecycle_script ?? '')) return;
  const swallowed = flags.flatMap((flag) => {
    const value = isGiven(flag, argv) ? undefined : swallowedValue(flag, call);
    return value === undefined ? [] : [{ flag, value }];
  });
  if (swallowed.length === 0) return;
  const { operands, words } = rebuild(argv, swallowed);
  // Words that the script itself gives are not to be typed again.
  const typed = operands.filter((word) => !env.npm_lifecycle_script!.split(/\s+/).includes(word));
  const command = script === 'npx' ? ['npx', 'millrace', ...typed] : ['npm', 'run', script, ...typed, '--'];
  const names = swallowed.map(({ flag }) => flag.long).join(', ');
  throw usageError(
    `npm kept ${names} for itself: nothing was run`,
    `put a lone -- in front of the flags, so that npm hands them over:\n    ${[...command, ...words].join(' ')}`,
  );
}

function isGiven({ long }: Swallowable, argv: readonly string[]): boolean {
  return argv.some((arg) => arg === long || arg.startsWith(`${long}=`));
}

function swallowedValue({ long, isNegated }: Swallowable, call: NpmCall): string | undefined {
  const { env } = call;
  const name = long.slice(2).replaceAll('-', '_');
  if (long === '--apply' && APPLY_AS_LETTERS.every((each) => env[`npm_config_${each}`] === 'true')) return 'true';
  if (long === '--to' && env[`npm_config_${TO_AS_NPM_FLAG}`]) return env[`npm_config_${TO_AS_NPM_FLAG}`];
  if (isNegated) {
    const positive = name.replace(/^no_/, '');
    return env[`npm_config_${positive}`] === '' && !isConfigured(positive, call) ? 'true' : undefined;
  }
  const value = env[`npm_config_${name}`];
  return value === undefined || value === '' || value === 'false' || isConfigured(name, call) ? undefined : value;
}

/** npm exports what its configuration files say, too; a flag that is set there was not swallowed. */
function isConfigured(name: string, { env, readFile }: NpmCall): boolean {
  const user = env.npm_config_userconfig ?? env.NPM_CONFIG_USERCONFIG ?? `${env.HOME ?? ''}/.npmrc`;
  const files = [user, env.npm_config_globalconfig ?? env.NPM_CONFIG_GLOBALCONFIG];
  if (env.npm_config_local_prefix !== undefined) files.push(`${env.npm_config_local_prefix}/.npmrc`);
  const setting = new RegExp(`^\\s*${name.replaceAll('_', '[-_]')}\\s*(=|$)`, 'm');
  return files.some((file) => file !== undefined && setting.test(readFile(file)));
}

/**
 * The command as it was meant. npm reads `--events 100` as a flag without a value and a word of its own: the words that
 * are left over belong to the flags. Their order is lost, so each goes to the first flag that wants one.
 */
function rebuild(
  argv: readonly string[],
  swallowed: readonly { readonly flag: Swallowable; readonly value: string }[],
): { operands: string[]; words: string[] } {
  const commands = ['describe', 'reset', 'generate'];
  const firstFlag = argv.findIndex((arg) => arg.startsWith('-'));
  const positional = firstFlag === -1 ? argv : argv.slice(0, firstFlag);
  const own = positional[0] === 'dlq' ? 3 : commands.includes(positional[0]) ? 2 : 1;
  const left = positional.slice(own);
  const words = swallowed.flatMap(({ flag, value }) => {
    if (!flag.takesValue) return [flag.long];
    // npm joins the values of a repeated flag with two line breaks.
    return value.split('\n\n').flatMap((each) => [flag.long, each === 'true' ? valueFor(flag, left) : each]);
  });
  const rest = firstFlag === -1 ? [] : argv.slice(firstFlag);
  return { operands: positional.slice(0, own), words: [...words, ...left, ...rest] };
}

/** The word that looks like a value of the flag, or the first. */
function valueFor(flag: Swallowable, left: string[]): string {
  const wantsNumber = NUMERIC.has(flag.long);
  const at = left.findIndex((word) => wantsNumber === (word.trim() !== '' && !Number.isNaN(Number(word))));
  return left.splice(at === -1 ? 0 : at, 1)[0] ?? 'VALUE';
}

const NUMERIC = new Set(
  [
    'generate',
    'rate',
    'events',
    'seed',
    'badRatio',
    'checkpointMs',
    'stateEntries',
    'maxRejectRatio',
    'maxAttempts',
    'limit',
  ].map((name) => `--${kebab(name)}`),
);
