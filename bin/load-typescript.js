// Loads TypeScript that is not the package's own. Node 20 strips no types: tsx does, in this process.
import { register as registerHooks } from 'node:module';

let ready;

/**
 * Behind it `import()` takes TypeScript, and `millrace` in it is the package that runs it: by its compiled modules, where `copy` names
 * them by the URLs of their sources.
 */
export function loadTypeScript(copy = {}) {
  ready ??= registerTsx(copy);
  return ready;
}

async function registerTsx(copy) {
  const { register } = await import('tsx/esm/api');
  register();
  registerHooks('./hooks.js', import.meta.url, { data: copy });
}
