import { defineConfig } from 'vitest/config';

/**
 * Two projects: `unit` holds what needs at most one nats-server a file; `system` starts whole systems and
 * runs one file at a time.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          setupFiles: ['tests/property-seed.ts'],
          include: [
            'libs/*/test/**/*.test.ts',
            'services/*/test/**/*.test.ts',
            'deploy/test/**/*.test.ts',
            'tests/{contract,golden,docs,suite}/**/*.test.ts',
          ],
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'system',
          setupFiles: ['tests/property-seed.ts'],
          include: ['tests/{system,telemetry,clients,chaos,fuzz,load,soak}/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
    maxWorkers: 2,
  },
});
