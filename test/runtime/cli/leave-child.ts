/** A process that ends while it writes: `leave-child.ts DIR leave|throw`. */
import { leave } from '../../../src/runtime/cli/leave.ts';
import { start } from '../../../src/runtime/cli/start.ts';
import { openLmdbStore } from '../../../src/state/lmdb-store.ts';

const [dir, how] = process.argv.slice(2);
process.argv.splice(2);
start({ home: dir, version: '0', importFile: () => new Promise(() => {}) });
const store = openLmdbStore(dir);
await store.write(() => {});
void store.write((transaction) => transaction.put('state', Buffer.of(1), Buffer.of(7)));
// LMDB's thread has begun behind this turn, and waits for this one.
setTimeout(() => {
  const until = performance.now() + 50;
  while (performance.now() < until);
  if (how === 'throw') throw new Error('thrown by nobody');
  void leave(7);
});
