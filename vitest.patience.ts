/** Properties are many cases, and the machine may be busy: how long a test takes is no verdict on it. */
export const PATIENCE = {
  testTimeout: 60_000,
  hookTimeout: 60_000,
  /** What a test waits for is there soon, or later. */
  expect: { poll: { timeout: 20_000 } },
};
