/** Keeps secrets out of everything that is printed. */
const CREDENTIALS_IN_ADDRESS = /([^\s/:@,'"]+):([^\s/@,'"]+)@(?=[\w[])/g;
const NAMED_SECRET = /\b([\w.-]*(?:password|passwd|secret|token)["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s"',;}]+)/gi;
const SECRET_VARIABLE = /PASSWORD|PASSWD|SECRET|TOKEN/i;
/** The name of a file that holds one is none, and is needed to tell what is wrong with it. */
const OF_FILE = /_FILE$/i;
/** npm passes its flags on as variables, but keeps its credentials to itself. */
const OF_NPM = /^npm_/i;
/** Shorter values are words that occur anywhere. */
const MIN_SECRET_LENGTH = 4;

/** Values of the environment that must not be shown. */
export function secretsOf(env: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(env)
    .filter(([name]) => SECRET_VARIABLE.test(name) && !OF_NPM.test(name) && !OF_FILE.test(name))
    .filter(([, value]) => value !== undefined && value.length >= MIN_SECRET_LENGTH)
    .map(([, value]) => value!);
}

/** The text without `user:password@`, `password=…` and the values in `secrets`. */
export function redact(text: string, secrets: readonly string[] = []): string {
  const known = secrets.reduce((rest, secret) => rest.replaceAll(secret, '***'), text);
  return known.replaceAll(CREDENTIALS_IN_ADDRESS, '***@').replaceAll(NAMED_SECRET, '$1***');
}
