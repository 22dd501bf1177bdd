import type { Row } from '@rookery/proto/rookery/domain/v1/data';
import { describe, expect, it } from 'vitest';

import { createPredict, sliceRows } from '../src/application/predict.js';
import { createAdmission } from '../src/domain/admission.js';
import type { CapturedRow } from '../src/domain/captured-row.js';
import type { LoadedModel } from '../src/domain/loaded-model.js';
import { createServedModels } from '../src/domain/served-models.js';

/** A model whose one output is its version plus the row's number. */
function modelOf(version: number, engine: LoadedModel['engine'], batches: number[] = []): LoadedModel {
  let disposed = false;
  return {
    name: 'm',
    version,
    aliasRevision: version,
    regression: true,
    classes: [],
    features: ['x'],
    engine,
    inputs: 1,
    outputs: 1,
    predictions: 0,
    transform(rows, from, to, out) {
      for (let i = from; i < to; i += 1) out[i - from] = rows[i]!.values['x']!.kind!.value as number;
    },
    forward(features, rows) {
      if (disposed) throw new Error('used after it was disposed');
      batches.push(rows);
      return features.slice(0, rows).map((x) => x + version * 1000);
    },
    toTargetUnit: (output) => output,
    dispose() {
      disposed = true;
    },
  } as Partial<LoadedModel> as LoadedModel;
}

const rowsOf = (count: number, from = 0): Row[] =>
  Array.from({ length: count }, (_, i) => ({
    values: { x: { kind: { $case: 'number', value: from + i } } },
  }));

function setUp(options: { limit?: number; rowLimit?: number } = {}) {
  const models = createServedModels<LoadedModel>((model) => model.dispose());
  const captured: CapturedRow[] = [];
  const admission = createAdmission(options.limit ?? 100, options.rowLimit ?? 100_000);
  let call = 0;
  let now = 1_000;
  const predict = createPredict({
    models,
    admission,
    callIds: () => `call-${(call += 1)}`,
    clock: () => now,
    capture: (row) => captured.push(row),
    maxRows: 10_000,
  });
  return { models, predict, captured, admission, setTime: (time: number) => (now = time) };
}
const call = { traceId: 'abc', deadline: Infinity };

describe('predict', () => {
  it('answers a small request of a compiled model at once and captures each row', () => {
    const { models, predict, captured } = setUp();
    models.swap(modelOf(1, 'compiled'));
    const answer = predict({ model: 'm', rows: rowsOf(3) }, call);
    expect(answer).not.toBeInstanceOf(Promise);
    expect(answer).toMatchObject({
      version: 1,
      predictions: [{ value: 1000 }, { value: 1001 }, { value: 1002 }],
    });
    expect(captured.map((row) => [row.prediction.predictionId, row.traceId, row.timeMs])).toEqual([
      ['call-1-0', 'abc', 1000],
      ['call-1-1', 'abc', 1000],
      ['call-1-2', 'abc', 1000],
    ]);
  });

  it.each(['compiled', 'tfjs'] as const)(
    'ends a long request on the version it began with, through a swap (%s)',
    async (engine) => {
      const { models, predict, admission } = setUp();
      models.swap(modelOf(1, engine));
      const long = predict({ model: '', rows: rowsOf(sliceRows * 4 + 1) }, call);
      models.swap(modelOf(2, engine));
      const after = predict({ model: '', rows: rowsOf(1) }, call);
      const answer = await long;
      expect(answer.version).toBe(1);
      expect(answer.predictions.map((one) => one.value)).toEqual(
        Array.from({ length: sliceRows * 4 + 1 }, (_, i) => 1000 + i),
      );
      expect((await after).version).toBe(2);
      expect(admission.waiting).toBe(0);
    },
  );

  it('joins the calls of one turn for a model that TensorFlow.js serves, and gives each its own rows', async () => {
    const { models, predict } = setUp();
    const batches: number[] = [];
    models.swap(modelOf(1, 'tfjs', batches));
    const answers = await Promise.all(
      [2, 3, 1].map(async (count, i) => predict({ model: '', rows: rowsOf(count, i * 10) }, call)),
    );
    expect(batches).toEqual([6]);
    expect(answers.map((answer) => answer.predictions.map((one) => one.value))).toEqual([
      [1000, 1001],
      [1010, 1011, 1012],
      [1020],
    ]);
  });

  it('has one batch at a time for a model whose answers take turns; what comes meanwhile is the next', async () => {
    const { models, predict } = setUp();
    const batches: number[] = [];
    const slow = modelOf(1, 'onnx');
    let inFlight = 0;
    const answers: (() => void)[] = [];
    slow.forward = (features, rows) => {
      inFlight += 1;
      expect(inFlight).toBe(1);
      batches.push(rows);
      return new Promise((resolve) =>
        answers.push(() => {
          inFlight -= 1;
          resolve(features.slice(0, rows));
        }),
      );
    };
    models.swap(slow);
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    const first = predict({ model: 'm', rows: rowsOf(2) }, call);
    await turn();
    const later = [3, 4].map((count) => predict({ model: 'm', rows: rowsOf(count, 10) }, call));
    await turn();
    expect(batches).toEqual([2]);
    answers.shift()?.();
    expect((await first).predictions).toHaveLength(2);
    await turn();
    expect(batches).toEqual([2, 7]);
    slow.forward = () => Promise.reject(new Error('the runtime is gone'));
    const failing = predict({ model: 'm', rows: rowsOf(1) }, call);
    answers.shift()?.();
    expect(
      (await Promise.all(later.map(async (one) => one))).map(({ predictions }) => predictions[0]!),
    ).toMatchObject([{ value: 10 }, { value: 10 }]);
    await expect(failing).rejects.toThrow('the runtime is gone');
    slow.forward = (features, rows) => Promise.resolve(features.slice(0, rows));
    expect((await predict({ model: 'm', rows: rowsOf(1) }, call)).predictions).toHaveLength(1);
  });

  it('refuses what waits beyond the limit, and takes calls again when others have ended', async () => {
    const { models, predict, admission } = setUp({ limit: 2 });
    models.swap(modelOf(1, 'tfjs'));
    const waiting = [1, 2].map(async () => predict({ model: '', rows: rowsOf(1) }, call));
    expect(() => predict({ model: '', rows: rowsOf(1) }, call)).toThrow(
      expect.objectContaining({ code: 'RK_OVERLOADED' }),
    );
    await Promise.all(waiting);
    expect(admission.waiting).toBe(0);
    expect((await predict({ model: '', rows: rowsOf(1) }, call)).version).toBe(1);
  });

  it('refuses rows beyond those that may wait together, however few the calls are; one call alone is taken', async () => {
    const { models, predict, admission } = setUp({ rowLimit: 1_000 });
    models.swap(modelOf(1, 'compiled'));
    const large = predict({ model: '', rows: rowsOf(3_000) }, call);
    expect(() => predict({ model: '', rows: rowsOf(sliceRows + 1) }, call)).toThrow(
      expect.objectContaining({ code: 'RK_OVERLOADED', details: { rowLimit: '1000' } }),
    );
    // What is answered at once waits for nothing.
    expect((await predict({ model: '', rows: rowsOf(3) }, call)).predictions).toHaveLength(3);
    expect((await large).predictions).toHaveLength(3_000);
    expect(admission.waiting).toBe(0);
    expect((await predict({ model: '', rows: rowsOf(900) }, call)).predictions).toHaveLength(900);
  });

  it('computes nothing for a call whose deadline passes while it waits for its batch', async () => {
    const { models, predict, setTime, admission } = setUp();
    const batches: number[] = [];
    models.swap(modelOf(1, 'tfjs', batches));
    const calls = [1_500, Infinity, 1_200, 9_000].map(async (deadline, k) =>
      predict({ model: '', rows: rowsOf(k + 1) }, { traceId: '', deadline }),
    );
    const ended = Promise.allSettled(calls);
    setTime(2_000);
    expect((await ended).map((one) => (one.status === 'fulfilled' ? 'OK' : one.reason.code))).toEqual([
      'RK_DEADLINE_EXCEEDED',
      'OK',
      'RK_DEADLINE_EXCEEDED',
      'OK',
    ]);
    // The second and the fourth call: two rows and four.
    expect(batches).toEqual([6]);
    expect(admission.waiting).toBe(0);
  });

  it('looks at deadlines again between the batches of a long queue', async () => {
    const { models, predict, setTime } = setUp();
    const batches: number[] = [];
    const slow = modelOf(1, 'tfjs', batches);
    models.swap({
      ...slow,
      forward(features, rows) {
        setTime(1_000 + 1_000 * (batches.length + 1));
        return slow.forward(features, rows);
      },
    });
    // Ten calls of 200 rows: five fit into a batch, and a batch takes a second.
    const calls = Array.from({ length: 10 }, async () =>
      predict({ model: '', rows: rowsOf(200) }, { traceId: '', deadline: 1_900 }),
    );
    const ended = await Promise.allSettled(calls);
    expect(ended.map(({ status }) => status)).toEqual([
      ...new Array<string>(5).fill('fulfilled'),
      ...new Array<string>(5).fill('rejected'),
    ]);
    expect(batches).toEqual([1_000]);
  });

  it('does not compute a call whose deadline has passed or whose caller has gone', async () => {
    const { models, predict, setTime, captured, admission } = setUp();
    const batches: number[] = [];
    models.swap(modelOf(1, 'compiled', batches));
    expect(() => predict({ model: '', rows: rowsOf(1) }, { traceId: '', deadline: 999 })).toThrow(
      expect.objectContaining({ code: 'RK_DEADLINE_EXCEEDED' }),
    );
    expect(batches).toEqual([]);
    const late = predict({ model: '', rows: rowsOf(sliceRows * 3) }, { traceId: '', deadline: 1_500 });
    setTime(2_000);
    await expect(late).rejects.toMatchObject({ code: 'RK_DEADLINE_EXCEEDED' });
    let gone = false;
    const abandoned = predict({ model: '', rows: rowsOf(sliceRows * 3) }, { ...call, cancelled: () => gone });
    gone = true;
    await expect(abandoned).rejects.toMatchObject({ code: 'RK_CANCELLED' });
    expect(batches.length).toBeLessThan(6);
    expect(captured).toEqual([]);
    expect(admission.waiting).toBe(0);
  });
});
