import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 120_000,
    // On two cores, a test that starts a sender and a receiver needs both: one file at a time.
    maxWorkers: 1,
  },
});
