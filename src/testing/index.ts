/** The test kit: run a pipeline without a broker, a disk or a real clock, and what its windows must give. */
export { chunkingOf, interleavingOf, type RecordsOptions, recordsOf } from './arbitraries.ts';
export { CrashDisk } from './crash-disk.ts';
export { CrashStore } from './crash-store.ts';
export { ManualClock } from './manual-clock.ts';
export { type NaiveOutcome, type NaiveRecord, type NaiveWindow, naiveTumbling } from './naive-windows.ts';
export { type CommitFailure, SimulatedKafka } from './simulated-kafka.ts';
export { TestDriver, type TestDriverOptions, type TestRecord } from './test-driver.ts';
