import { execFileSync } from 'node:child_process';

import { describe, expect, it } from 'vitest';

import { heapFlags } from '../src/embedded/heap-flags.js';
import { serviceEntries } from '../src/embedded/services.js';

describe('the heap of a service', () => {
  it.each(serviceEntries.map(({ name }) => name))('has flags that this Node takes: %s', (name) => {
    const script = 'process.stdout.write(String(v8.getHeapStatistics().heap_size_limit))';
    const limit = Number(
      execFileSync(process.execPath, [...heapFlags(name, {}), '-e', script], { encoding: 'utf8' }),
    );
    // Below 2 GiB of old space V8 lets less garbage gather between two collections.
    expect(limit).toBeGreaterThan(1_500 * 2 ** 20);
    expect(limit).toBeLessThan(2_200 * 2 ** 20);
  });

  it('is what NODE_OPTIONS says where it says something', () => {
    const flags = heapFlags('registry', {
      NODE_OPTIONS: '--max_old_space_size=9000 --max-semi-space-size=64',
    });
    expect(flags).toEqual(['--initial-old-space-size=32']);
    expect(heapFlags('registry', {})).toHaveLength(3);
  });
});
