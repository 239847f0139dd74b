import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // On two cores, a test that starts a sender and a receiver needs both: one file at a time.
    maxWorkers: 1,
    // No tracker that this user has imported: what is tested is what comes with the package.
    env: { XDG_DATA_HOME: fileURLToPath(new URL('no-user-data', import.meta.url)) },
  },
});
