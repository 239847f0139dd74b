import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 120_000,
    // Two cores: the tests that start processes and browsers must not starve each other.
    maxWorkers: 2,
  },
});
