import { RetryableError, TerminalError } from '@rookery/contracts';
import type { EventMeta } from '@rookery/bus';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { createSwapper, loadRetryDelay } from '../src/application/swapper.js';
import type { Offer, SwapOutcome } from '../src/application/swapper.js';
import type { LoadedModel } from '../src/domain/loaded-model.js';
import type { Promotion } from '../src/domain/promotion.js';
import { createServedModels } from '../src/domain/served-models.js';

const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

function offerOf(aliasRevision: number, model = 'm'): Offer {
  const promotion: Promotion = {
    model,
    version: aliasRevision,
    aliasRevision,
    package: { sha256: String(aliasRevision), bytes: 1, mediaType: '' },
    runId: '',
    requestedAtMs: 0,
  };
  return { promotion, cause: {} as EventMeta };
}

function setUp(load: (promotion: Promotion) => Promise<void>) {
  const log: string[] = [];
  const disposed: number[] = [];
  const models = createServedModels<LoadedModel>((model) => disposed.push(model.version));
  const swapper = createSwapper({
    models,
    load: async (promotion) => {
      await load(promotion);
      return {
        name: promotion.model,
        version: promotion.version,
        aliasRevision: promotion.aliasRevision,
      } as LoadedModel;
    },
    swapped: (offer, _model, previous) => log.push(`swapped ${offer.promotion.version} from ${previous}`),
    rejected: (offer, error) => log.push(`rejected ${offer.promotion.version} ${error.code}`),
    traced: (_offer, run) => run(),
    retryDelay: loadRetryDelay,
    sleep: () => Promise.resolve(),
    logger: silent,
  });
  return { swapper, models, log, disposed };
}

describe('swapper', () => {
  it('loads one version of a model at a time and skips those that are overtaken while they wait', async () => {
    const gates = new Map<number, () => void>();
    const loading: number[] = [];
    const { swapper, log, disposed } = setUp((promotion) => {
      loading.push(promotion.version);
      return new Promise((resolve) => gates.set(promotion.version, resolve));
    });
    const outcomes = [1, 2, 3, 2].map((revision) => swapper.offer(offerOf(revision)));
    expect(loading).toEqual([1]);
    gates.get(1)!();
    expect(await outcomes[0]).toBe('serving');
    expect(await outcomes[1]).toBe('skipped');
    expect(await outcomes[3]).toBe('skipped');
    await Promise.resolve();
    expect(loading).toEqual([1, 3]);
    gates.get(3)!();
    expect(await outcomes[2]).toBe('serving');
    expect(log).toEqual(['swapped 1 from 0', 'swapped 3 from 1']);
    expect(disposed).toEqual([1]);
  });

  it('tries what is transient again, and refuses it when that does not help', async () => {
    let failures = 2;
    const { swapper, log } = setUp(async () => {
      if (failures-- > 0) throw new RetryableError('RK_ARTIFACT_UNAVAILABLE', 'away');
    });
    expect(await swapper.offer(offerOf(1))).toBe('serving');
    failures = Infinity;
    expect(await swapper.offer(offerOf(2))).toBe('refused');
    expect(log).toEqual(['swapped 1 from 0', 'rejected 2 RK_ARTIFACT_UNAVAILABLE']);
  });

  it('stops trying a version that is overtaken', async () => {
    const { swapper, log } = setUp(async (promotion) => {
      if (promotion.version > 1) return;
      void swapper.offer(offerOf(2));
      throw new RetryableError('RK_ARTIFACT_UNAVAILABLE', 'away');
    });
    expect(await swapper.offer(offerOf(1))).toBe('skipped');
    await new Promise((resolve) => setImmediate(resolve));
    expect(log).toEqual(['swapped 2 from 0']);
  });

  it('names an error without a code a corrupt package, and does not try it again', async () => {
    let loads = 0;
    const { swapper, log } = setUp(async () => {
      loads += 1;
      throw new TypeError('x is undefined');
    });
    expect(await swapper.offer(offerOf(1))).toBe('refused');
    expect(log).toEqual(['rejected 1 RK_MODEL_CORRUPT']);
    expect(loads).toBe(1);
  });

  it('takes an older promotion only as the fallback from a refused one', async () => {
    const { swapper, models } = setUp(async (promotion) => {
      if (promotion.version === 5) throw new TerminalError('RK_MODEL_WARMUP', 'no');
    });
    expect(await swapper.offer(offerOf(5))).toBe('refused');
    expect(await swapper.offer(offerOf(4))).toBe('skipped');
    expect(await swapper.offer(offerOf(4), { fallback: true })).toBe('serving');
    expect(await swapper.offer(offerOf(3), { fallback: true })).toBe('skipped');
    expect(models.current('m')?.version).toBe(4);
  });

  it('ends on the highest revision that loads, whatever the order of the offers', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ revision: fc.integer({ min: 1, max: 9 }), wait: fc.boolean() }), {
          minLength: 1,
          maxLength: 15,
        }),
        fc.constantFrom(0, 2, 3),
        async (offers, broken) => {
          const served: number[] = [];
          const { swapper, models } = setUp(async (promotion) => {
            await Promise.resolve();
            if (broken > 0 && promotion.version % broken === 0)
              throw new TerminalError('RK_MODEL_CORRUPT', 'no');
          });
          const outcomes: Promise<SwapOutcome>[] = [];
          for (const { revision, wait } of offers) {
            outcomes.push(swapper.offer(offerOf(revision)));
            if (wait) await new Promise((resolve) => setImmediate(resolve));
            const now = models.current('m')?.aliasRevision;
            if (now !== undefined) served.push(now);
          }
          await Promise.all(outcomes);
          expect(served).toEqual([...served].sort((a, b) => a - b));
          const highest = Math.max(...offers.map((one) => one.revision));
          if (broken === 0 || highest % broken !== 0)
            expect(models.current('m')?.aliasRevision).toBe(highest);
          else expect(models.current('m')?.aliasRevision ?? 0).toBeLessThan(highest);
        },
      ),
    );
  });
});
