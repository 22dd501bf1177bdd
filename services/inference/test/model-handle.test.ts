import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { createModelHandle } from '../src/domain/model-handle.js';
import { createServedModels } from '../src/domain/served-models.js';
import type { ModelHandle } from '../src/domain/model-handle.js';

interface Version {
  name: string;
  version: number;
  aliasRevision: number;
}

describe('model handle', () => {
  it('is disposed by its last release once it is retired, and not before', () => {
    const disposed: string[] = [];
    const handle = createModelHandle('v1', (model) => disposed.push(model));
    expect(handle.acquire()).toBe(true);
    expect(handle.acquire()).toBe(true);
    handle.retire();
    expect(handle.acquire()).toBe(false);
    handle.release();
    expect(disposed).toEqual([]);
    handle.release();
    expect(disposed).toEqual(['v1']);
    handle.retire();
    expect(disposed).toEqual(['v1']);
  });

  it('refuses a release without a hold', () => {
    const handle = createModelHandle('v1', () => undefined);
    expect(() => handle.release()).toThrow(/released more often/);
  });
});

describe('served models', () => {
  type Step = { kind: 'acquire' } | { kind: 'release'; which: number } | { kind: 'swap'; revision: number };
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 3, arbitrary: fc.constant<Step>({ kind: 'acquire' }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant<'release'>('release'), which: fc.nat(20) }) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant<'swap'>('swap'), revision: fc.integer({ min: 1, max: 12 }) }),
    },
  );

  it('disposes each version exactly once and never while it is held, in any interleaving, and never goes back', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const disposals = new Map<Version, number>();
        const held: ModelHandle<Version>[] = [];
        const offered: Version[] = [];
        const models = createServedModels<Version>((model) => {
          expect(held.some((handle) => handle.model === model)).toBe(false);
          disposals.set(model, (disposals.get(model) ?? 0) + 1);
        });
        let highest = 0;
        for (const item of steps) {
          if (item.kind === 'swap') {
            const candidate = { name: 'm', version: item.revision, aliasRevision: item.revision };
            offered.push(candidate);
            expect(models.swap(candidate)).toBe(item.revision > highest);
            highest = Math.max(highest, item.revision);
            expect(models.current('m')?.aliasRevision).toBe(highest);
          } else if (item.kind === 'acquire') {
            if (highest === 0) {
              expect(() => models.acquire('m')).toThrow();
            } else {
              const handle = models.acquire('m');
              expect(handle.model.aliasRevision).toBe(highest);
              expect(disposals.has(handle.model)).toBe(false);
              held.push(handle);
            }
          } else if (held.length > 0) {
            const [handle] = held.splice(item.which % held.length, 1);
            handle!.release();
          }
        }
        models.close();
        for (const handle of held.splice(0)) handle.release();
        for (const version of offered) expect(disposals.get(version)).toBe(1);
      }),
      { numRuns: 500 },
    );
  });

  it('says why a model is not served', () => {
    const models = createServedModels<Version>(() => undefined);
    expect(() => models.acquire('')).toThrow(expect.objectContaining({ code: 'RK_MODEL_NOT_READY' }));
    expect(() => models.acquire('a')).toThrow(expect.objectContaining({ code: 'RK_MODEL_NOT_READY' }));
    models.swap({ name: 'a', version: 1, aliasRevision: 1 });
    expect(models.acquire('').model.name).toBe('a');
    expect(models.acquire('a').model.name).toBe('a');
    expect(() => models.acquire('b')).toThrow(expect.objectContaining({ code: 'RK_MODEL_NOT_FOUND' }));
    expect(() => models.acquire('__proto__')).toThrow(
      expect.objectContaining({ code: 'RK_MODEL_NOT_FOUND' }),
    );
    models.expect('b');
    expect(() => models.acquire('b')).toThrow(expect.objectContaining({ code: 'RK_MODEL_NOT_READY' }));
    models.swap({ name: 'b', version: 1, aliasRevision: 1 });
    expect(() => models.acquire('')).toThrow(
      expect.objectContaining({ code: 'RK_MODEL_AMBIGUOUS', details: { models: 'a, b' } }),
    );
    expect(models.list().map((model) => model.name)).toEqual(['a', 'b']);
  });
});
