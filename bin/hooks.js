// Module hooks in front of those of tsx.
import { readFile } from 'node:fs/promises';

const OURS = /^millrace(\/|$)/;
const PACKAGED = /\/node_modules\/.*\.[cm]?js$/;

/** From the URL of each source of the package to that of its compiled module, where it runs from those. */
let copy = {};

export function initialize(compiled) {
  copy = compiled;
}

/** Pipeline files outside any package are modules, and `millrace` in them is the package that runs them. */
export async function resolve(specifier, context, next) {
  const resolved = await resolveOurs(specifier, context, next);
  if (resolved.url in copy) return { url: copy[resolved.url], format: 'module', shortCircuit: true };
  const isTypeScript = /\.ts(\?|$)/.test(resolved.url);
  return isTypeScript && resolved.format === 'commonjs' ? { ...resolved, format: 'module' } : resolved;
}

async function resolveOurs(specifier, context, next) {
  if (!OURS.test(specifier)) return next(specifier, context);
  try {
    return await next(specifier, context);
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    return next(specifier, { ...context, parentURL: import.meta.url });
  }
}

/** Packages are JavaScript: tsx, which would read through each of their modules, has nothing to do there. */
export async function load(url, context, next) {
  const { format } = context;
  if (!PACKAGED.test(url) || (format !== 'module' && format !== 'commonjs')) return next(url, context);
  return { format, source: format === 'module' ? await readFile(new URL(url)) : null, shortCircuit: true };
}
