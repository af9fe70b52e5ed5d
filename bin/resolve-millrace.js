// Module hooks behind those of tsx. `millrace` is the package that runs the pipeline, in a pipeline file outside any package as well.
const OURS = /^millrace(\/|$)/;

/** From the URL of each source of the package to that of its compiled module, where it runs from those. */
let copy = {};

export function initialize(compiled) {
  copy = compiled;
}

export async function resolve(specifier, context, next) {
  const resolved = await resolveOurs(specifier, context, next);
  if (resolved.url in copy) return { url: copy[resolved.url], format: 'module', shortCircuit: true };
  // Pipeline files outside any package are modules.
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
