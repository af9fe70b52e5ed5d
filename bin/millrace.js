#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { compiledCopy } from './compiled-copy.js';
import { loadTypeScript } from './load-typescript.js';

const HOME = join(import.meta.dirname, '..');
const START = 'src/runtime/cli/start.ts';
/** Packages that the command line has to itself: no pipeline meets them twice, and of what they consist of, only what is used is loaded. */
const OWN = new Set(['commander', 'picocolors', '@platformatic/kafka']);

const { version, exports, dependencies } = JSON.parse(readFileSync(join(HOME, 'package.json'), 'utf8'));
const external = Object.keys(dependencies).filter((name) => !OWN.has(name));
const folder = join(HOME, 'node_modules/.cache/millrace');
const copy = await compiledCopy({ home: HOME, entries: [START, ...Object.values(exports)], external, folder });
if (copy === undefined) await loadTypeScript();
const { start } = await load(START);
// What is loaded from here on has a map: --help needs none, and a stack names sources.
process.setSourceMapsEnabled(true);
start({ home: HOME, version, importFile });

/** The exports of a pipeline or generator. */
async function importFile(file) {
  // Through the hooks of tsx each module takes longer: what nearly every pipeline imports goes before them.
  if (copy !== undefined) await Promise.all([load(exports['.']), load(exports['./operators'])]);
  await loadTypeScript(copy);
  return import(pathToFileURL(file).href);
}

/** One of the package's own modules. */
function load(path) {
  const source = pathToFileURL(join(HOME, path)).href;
  return import(copy?.[source] ?? source);
}
