/** The test kit: run a pipeline without a broker, a disk or a real clock. */
export { ManualClock } from './manual-clock.ts';
export { TestDriver, type TestDriverOptions, type TestRecord } from './test-driver.ts';
