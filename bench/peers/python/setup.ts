/** The peers that run on Python: pip fetches them once, each into an environment of its own. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { cachedFolder } from '../cache.ts';

/** The interpreter that has these packages; `name` holds their versions. Needs Python 3 with venv and, the first time, a network. */
export function setUpPython(name: string, packages: readonly string[]): string {
  // A Python environment runs from whichever folder it stands in.
  const environment = cachedFolder(name, (part) => {
    execFileSync('python3', ['-m', 'venv', part], { stdio: 'ignore' });
    const pip = ['-m', 'pip', 'install', '-q', '--disable-pip-version-check'];
    execFileSync(join(part, 'bin/python'), [...pip, ...packages], { stdio: 'ignore' });
  });
  return join(environment, 'bin/python');
}
