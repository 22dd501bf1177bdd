import { describe, expect, it } from 'vitest';

import { databaseWords } from '../src/commands/doctor.js';

describe('the doctor says of a database', () => {
  const atMs = Date.UTC(2026, 0, 31, 12, 0, 0, 123);

  it('when it was built, from how many events and how far into each stream', () => {
    const through = { ML_EVENTS: 140, ML_JOBS: 12 };
    expect(databaseWords({ atMs, events: 120, skipped: 1, through })).toBe(
      'database built 2026-01-31 12:00:00Z from 120 events (ML_EVENTS to 140, ML_JOBS to 12), 1 passed over',
    );
  });

  it('that there was nothing to build it from', () => {
    expect(databaseWords({ atMs, events: 0, skipped: 0, through: { ML_EVENTS: 0 } })).toBe(
      'database built 2026-01-31 12:00:00Z from an empty log',
    );
  });
});
