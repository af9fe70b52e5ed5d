/** A file that says which process uses a folder. */
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { MillraceError, messageOf } from '../core/errors.ts';

export interface LockHolder {
  readonly pid: number;
  /** Tells two processes apart that had the same pid one after the other. */
  readonly birth: string;
  /** Epoch milliseconds. */
  readonly since: number;
}

/**
 * Takes the lock, over from a holder that is dead, too. The returned function gives it back.
 * @throws MillraceError OWNED_ELSEWHERE when the holder lives, STORE_FAILED when the file cannot be made
 */
export async function takeLock(
  path: string,
  me: LockHolder,
  isAlive: (holder: LockHolder) => boolean,
): Promise<() => Promise<void>> {
  const mine = `${path}.${me.pid}`;
  try {
    // A link is made with its contents, or not at all, and by one of several only.
    await writeFile(mine, JSON.stringify(me));
    while (!(await linked(mine, path))) await clear(path, `${mine}.stale`, me, isAlive);
  } catch (thrown) {
    if (thrown instanceof MillraceError) throw thrown;
    throw new MillraceError('STORE_FAILED', `cannot lock ${path}: ${messageOf(thrown)}`, { cause: thrown });
  } finally {
    await rm(mine, { force: true });
  }
  return async () => {
    if (isSame(await holderOf(path), me)) await rm(path, { force: true });
  };
}

/** Removes the lock of a holder that is dead. */
async function clear(
  path: string,
  aside: string,
  me: LockHolder,
  isAlive: (holder: LockHolder) => boolean,
): Promise<void> {
  const holder = await holderOf(path);
  if (holder !== undefined && !isSame(holder, me) && isAlive(holder)) throw ownedElsewhere(path, holder);
  await rename(path, aside).catch(ignoreMissing);
  // Another process may have cleared it just before, and taken it: then what was moved is its lock, and goes back.
  const moved = await holderOf(aside);
  if (moved !== undefined && !isSame(moved, me) && isAlive(moved)) await linked(aside, path);
  await rm(aside, { force: true });
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
    return false;
  }
}

async function holderOf(path: string): Promise<LockHolder | undefined> {
  const text = await readFile(path, 'utf8').catch(ignoreMissing);
  try {
    return text === undefined ? undefined : (JSON.parse(text) as LockHolder);
  } catch {
    // Emptied by a crash of the machine: nobody holds it.
    return undefined;
  }
}

function isSame(a: LockHolder | undefined, b: LockHolder): boolean {
  return a?.pid === b.pid && a.birth === b.birth && a.since === b.since;
}

function ignoreMissing(thrown: unknown): undefined {
  if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') throw thrown;
  return undefined;
}

function ownedElsewhere(path: string, { pid, since }: LockHolder): MillraceError {
  const text = `${path} is held by process ${pid}, since ${new Date(since).toISOString()}`;
  return new MillraceError('OWNED_ELSEWHERE', text, { hint: `stop that process (kill ${pid}), or use another folder` });
}
