// The package's own sources as JavaScript, made once and kept, so that a start has nothing to compile and few files to load.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Names the copy that is up to date, and what it was made of. */
const CURRENT = 'current.json';
/** Older copies are removed when a new one is made; what runs from them has loaded what it needs. */
const KEPT_MS = 7 * 24 * 3_600_000;
/** A file as young as this may have changed while it was read: what was made of it serves one start. */
const SETTLED_MS = 1_000;
/** Of CommonJS that is compiled in. */
const REQUIRE = `import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);`;

/**
 * Compiled modules in place of `entries`, paths relative to `home`: from the URL of each source to that of its JavaScript. They are
 * made anew when a file that they were made of has changed, or one of theirs is not whole; packages that are not `external` are compiled in. `undefined` where there
 * can be none, because `folder` cannot be written or a source does not compile.
 *
 * @param {{ home: string, entries: readonly string[], external: readonly string[], folder: string }} options
 * @returns {Promise<Record<string, string> | undefined>}
 */
export async function compiledCopy(options) {
  const { home, entries, folder } = options;
  const copy = currentCopy(options) ?? (await makeCopy(options).catch(() => undefined));
  if (copy === undefined) return undefined;
  return Object.fromEntries(
    entries.map((entry) => [
      pathToFileURL(join(home, entry)).href,
      pathToFileURL(join(folder, copy, entry.replace(/\.ts$/, '.mjs'))).href,
    ]),
  );
}

function currentCopy({ home, external, folder }) {
  try {
    const { copy, maker, inputs, outputs } = JSON.parse(readFileSync(join(folder, CURRENT), 'utf8'));
    if (maker !== makerOf(home, external)) return undefined;
    const isFresh = Object.entries(inputs).every(([path, stamp]) => stampOf(join(home, path)) === stamp);
    // What a loss of power has cut short, or another user may not read, would end every start.
    const isWhole = Object.entries(outputs).every(([path, bytes]) => statSync(join(folder, copy, path)).size === bytes);
    return isFresh && isWhole ? copy : undefined;
  } catch {
    return undefined;
  }
}

/** Two starts at once make a copy each; both are whole, and one of them stays current. */
async function makeCopy({ home, entries, external, folder }) {
  const { build } = await import('esbuild');
  const settled = Date.now() - SETTLED_MS;
  mkdirSync(folder, { recursive: true });
  removeOld(folder);
  const outdir = mkdtempSync(join(folder, 'copy-'));
  try {
    // Those who start it later may be others than who did so first.
    chmodSync(outdir, 0o777 & ~process.umask());
    const maker = makerOf(home, external);
    const { metafile } = await build({
      absWorkingDir: home,
      entryPoints: [...entries],
      outbase: home,
      outdir,
      bundle: true,
      splitting: true,
      external: [...external],
      plugins: [PARTS_ONLY],
      format: 'esm',
      banner: { js: REQUIRE },
      outExtension: { '.js': '.mjs' },
      platform: 'node',
      target: 'node20',
      sourcemap: true,
      sourcesContent: false,
      metafile: true,
      logLevel: 'silent',
    });
    const paths = [...Object.keys(metafile.inputs), ...listsOfPackages(home, Object.keys(metafile.inputs))];
    const inputs = Object.fromEntries(paths.map((path) => [path, stampOf(join(home, path))]));
    if (paths.every((path) => statSync(join(home, path)).mtimeMs < settled)) {
      const outputs = Object.fromEntries(
        Object.entries(metafile.outputs).map(([path, { bytes }]) => [relative(outdir, join(home, path)), bytes]),
      );
      const written = join(outdir, CURRENT);
      writeFileSync(written, JSON.stringify({ copy: basename(outdir), maker, inputs, outputs }));
      renameSync(written, join(folder, CURRENT));
    }
    return basename(outdir);
  } catch (error) {
    rmSync(outdir, { recursive: true, force: true });
    throw error;
  }
}

/** What npm has written down of the packages of which something was compiled in: it changes with each of them. */
function listsOfPackages(home, inputs) {
  const folders = new Set(
    inputs.map((path) => /^.*?node_modules\//.exec(path)?.[0]).filter((folder) => folder !== undefined),
  );
  return [...folders].map((folder) => `${folder}.package-lock.json`).filter((path) => existsSync(join(home, path)));
}

/** Packages are unpacked with times of long ago, so that two versions may differ in neither time nor size. */
function makerOf(home, external) {
  return `${stampOf(import.meta.filename)} ${external.join()} ${readFileSync(join(home, 'package.json'), 'utf8')}`;
}

/** Changes when the file does. */
function stampOf(file) {
  const { mtimeMs, size } = statSync(file);
  return `${mtimeMs} ${size}`;
}

/**
 * Of the package for Kafka's protocol we use a part. The rest is left out, although it does something when it is loaded: it compiles the schemas of
 * options for clients that we do not make, a sixth of a start.
 */
const PARTS_ONLY = {
  name: 'parts-only',
  setup(build) {
    build.onResolve({ filter: /./ }, async ({ path, pluginData, ...about }) => {
      if (pluginData === ASKED) return undefined;
      const resolved = await build.resolve(path, { ...about, pluginData: ASKED });
      const isInPart = resolved.errors.length === 0 && IN_PARTS.test(resolved.path);
      return isInPart ? { path: resolved.path, sideEffects: false } : undefined;
    });
  },
};
const ASKED = Symbol('asked');
const IN_PARTS = /[\\/]@platformatic[\\/]kafka[\\/](?!.*[\\/]node_modules[\\/])/;

function removeOld(folder) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const isOld = name.startsWith('copy-') && Date.now() - statSync(path).mtimeMs > KEPT_MS;
    if (isOld) rmSync(path, { recursive: true, force: true });
  }
}
