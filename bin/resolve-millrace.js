// Module hooks for pipeline files outside any package: they are modules, and `millrace` is the package that runs them.
const OURS = /^millrace(\/|$)/;

export async function resolve(specifier, context, next) {
  const resolved = await resolveOurs(specifier, context, next);
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
