/** A process that is stopped in the midst of a checkpoint, and goes on when another one has taken its folder over. */
import { expect, it } from 'vitest';
import type { Disk } from '../../src/core/ports.ts';
import { RollingOutput } from '../../src/files/rolling-output.ts';
import { CrashDisk } from '../../src/testing/crash-disk.ts';
import { rowsOf, textFormat } from './text-format.ts';

const DIR = '/output/rows';

function opened(disk: Disk, owner: number): RollingOutput<number> {
  const world = {
    disk,
    clock: { now: () => 0 },
    hold: () => {},
    release: () => {},
  };
  const options = { dir: DIR, prefix: 'rows', owner, rollEveryMs: 1_000, rollRows: 100, rollBytes: 1_000 };
  return new RollingOutput(world, textFormat('v1'), options);
}

async function visible(disk: Disk): Promise<number[]> {
  const names = (await disk.list(DIR)).filter((name) => !name.startsWith('.'));
  const files = names.map(async (name) => rowsOf(Buffer.from(await disk.read(`${DIR}/${name}`)).toString()));
  return (await Promise.all(files)).flat().toSorted((a, b) => a - b);
}

function signal(): { readonly given: Promise<void>; readonly give: () => void } {
  let give = (): void => {};
  const given = new Promise<void>((resolve) => (give = resolve));
  return { given, give };
}

type Call = 'write' | 'sync' | 'rename' | 'remove' | 'syncDir';

/** The disk of a process that falls asleep at the `nth` call of a kind, until it is woken. */
function drowsy(disk: Disk, call: Call, nth: number): { disk: Disk; asleep: Promise<void>; wake: () => void } {
  const [asleep, awake] = [signal(), signal()];
  let calls = 0;
  const slow = new Proxy(disk, {
    get: (target, name) => {
      const real = Reflect.get(target, name) as (...args: unknown[]) => unknown;
      if (name !== call) return real.bind(target);
      return async (...args: unknown[]) => {
        calls++;
        if (calls === nth) {
          asleep.give();
          await awake.given;
        }
        return real.apply(target, args);
      };
    },
  });
  return { disk: slow, asleep: asleep.given, wake: awake.give };
}

const CASES = (['write', 'sync', 'rename', 'remove', 'syncDir'] as const).flatMap((call) =>
  [1, 2, 3].flatMap((nth) => [false, true].map((closes) => [call, nth, closes] as const)),
);

it.each(CASES)(
  'changes nothing of the other one, asleep at %s %i (the other one closes its file: %s)',
  async (...how) => {
    const [call, nth, closes] = how;
    const disk = new CrashDisk();
    const sleeper = drowsy(disk, call, nth);
    const older = opened(sleeper.disk, 1);
    await older.recover(undefined);
    older.append([1, 2, 3]);
    let decided: unknown;
    let isOvertaken = false;
    const going = (async () => {
      const manifest = await older.seal(1, true);
      // The store refuses the commit of who was overtaken.
      if (isOvertaken) return;
      decided = manifest;
      await older.publish(manifest);
    })();
    await Promise.race([sleeper.asleep, going]);

    isOvertaken = true;
    const isDecided = decided !== undefined;
    const younger = opened(disk, 2);
    await younger.recover(decided);
    // Partitions may come in another order, and more of them.
    if (!isDecided) younger.append([4, 1, 2, 3]);
    const manifest = await younger.seal(isDecided ? 2 : 1, closes);
    sleeper.wake();
    await going.catch(() => {});
    await younger.publish(manifest);
    younger.append([5]);
    await younger.publish(await younger.seal(3, true));
    expect(await visible(disk)).toEqual(isDecided ? [1, 2, 3, 5] : [1, 2, 3, 4, 5]);
  },
);
