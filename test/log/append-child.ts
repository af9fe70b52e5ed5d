/** A process of its own that appends to an embedded log: `append-child.ts DIR NAME APPENDS`, its base offsets as JSON. */
import { EmbeddedLog } from '../../src/log/embedded-log.ts';
import { openLmdbStore } from '../../src/state/lmdb-store.ts';
import { systemClock } from '../../src/time/clock.ts';
import { batchOf, numbered } from './records.ts';

const [dir, name, appends] = process.argv.slice(2);
const store = openLmdbStore(dir);
const log = new EmbeddedLog(store, systemClock);
await log.createTopics([{ topic: 'shared', partitions: 2 }]);
const bases: number[] = [];
for (let i = 0; i < Number(appends); i++) {
  bases.push(
    ...(await log.append([
      batchOf('shared', 0, numbered(3, `${name}-${i}-`)),
      batchOf('shared', 1, numbered(1, `${name}-${i}-`)),
    ])),
  );
}
await store.close();
process.stdout.write(`${JSON.stringify(bases)}\n`, () => process.exit(0));
