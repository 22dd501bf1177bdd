import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NnError, modelSpecSchema, validateSpec } from '@rookery/nn';
import type { Task } from '@rookery/nn';
import { givenSpecSchema } from '@rookery/nn/spec';

const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, strictRequired: false, strictTypes: false });
const accepts = ajv.compile(modelSpecSchema);

const inputs = 6;
const outputsOf: Record<Task, number> = { classification: 3, regression: 1, multilabel: 3 };
const labels = ['a', 'b', 'c'];
const contextOf = (task: Task) => ({ task, inputs, outputs: outputsOf[task], labels });

/** What the schema leaves to the validation: the data, and fields that depend on others at a distance. */
const leftToTheData = [
  /units is missing/,
  /must be \d+ \(the outputs of this data\)/,
  /activation must be \w+ for \w+/,
  /can be softmax in the last layer only/,
  /useBias must be true in the last layer/,
  /must be dense: the last layer/,
  /must end with as many outputs as come in/,
  /stands in 4 other residual blocks/,
  /one layer more than/,
  /parameters, more than/,
  /columns (hold column|must be a column or|must be one column|is missing)/,
  /which needs a validationSplit/,
  /must be above the one before/,
  /one more than boundaries/,
  /classWeights must be \d+ numbers/,
  /classWeights\.\w* is not known here/,
  /classWeights are for classification/,
  /positiveWeights must be \d+ numbers/,
  /positiveWeights\.\w* is not known here/,
  /positiveWeights are for multilabel/,
  /task must be one of/,
  /(loss|targetScaling) must be one of/,
  /topology (holds|takes|gives|must end|has a softmax)/,
  /weights must be the \d+ bytes/,
];

function refusalOf(spec: unknown, task: Task): string | undefined {
  try {
    validateSpec(spec, contextOf(task));
    return undefined;
  } catch (error) {
    if (error instanceof NnError && error.code === 'RK_SPEC_INVALID') return error.message;
    throw error;
  }
}

const activation = fc.constantFrom('linear', 'relu', 'swish', 'gelu', null);
const open01 = fc.constantFrom(0.001, 0.5, 0.999);
const dense = fc.record(
  {
    type: fc.constant('dense'),
    units: fc.integer({ min: 1, max: 40 }),
    activation,
    initializer: fc.constantFrom('he_normal', 'zeros', null),
    useBias: fc.constantFrom(true, false, null),
    l1: fc.constantFrom(0, 0.1, 1000),
    l2: fc.constantFrom(0.1, null),
  },
  { requiredKeys: ['units'] },
);
const simple = fc.oneof(
  { weight: 2, arbitrary: dense },
  fc.record(
    { type: fc.constant('dropout'), rate: fc.constantFrom(0, 0.95, null) },
    { requiredKeys: ['type'] },
  ),
  fc.record(
    { type: fc.constant('batch_norm'), momentum: open01, epsilon: open01 },
    { requiredKeys: ['type'] },
  ),
  fc.record({ type: fc.constant('layer_norm'), epsilon: open01 }, { requiredKeys: ['type'] }),
  fc.record({ type: fc.constant('activation'), activation }, { requiredKeys: ['type'] }),
);
const block = fc.record({
  type: fc.constant('residual'),
  layers: fc.array(simple, { minLength: 1, maxLength: 3 }),
  projection: fc.constant(true),
});
const rate = fc.constantFrom(1e-9, 0.01, 99.9);
const schedule = fc.oneof(
  fc.record({ type: fc.constant('constant'), unit: fc.constantFrom('steps', null) }),
  fc.record({
    type: fc.constant('exponential'),
    decaySteps: fc.constantFrom(0.5, 10),
    decayRate: fc.constantFrom(0.5, 1),
    staircase: fc.boolean(),
  }),
  fc.constant({ type: 'piecewise', unit: 'steps', boundaries: [0, 2.5], values: [0.1, 0.01, 0.001] }),
  fc.record(
    {
      type: fc.constant('cosine'),
      decaySteps: fc.constantFrom(3, null),
      alpha: fc.constantFrom(0, 1),
      warmupSteps: fc.constantFrom(0, 4.5),
      warmupFrom: fc.constantFrom(0, 100),
    },
    { requiredKeys: ['type'] },
  ),
  fc.constant(null),
);
const sharedOptimizer = {
  learningRate: rate,
  schedule,
};
const optional = { requiredKeys: [] };
const optimizer = fc.oneof(
  fc.constantFrom('sgd', 'momentum', 'rmsprop', 'adam', 'adamw', null),
  fc.record(
    { ...sharedOptimizer, clipNorm: fc.constantFrom(1, null), clipValue: fc.constant(null) },
    optional,
  ),
  fc
    .record({ ...sharedOptimizer, momentum: fc.constantFrom(0.5, 0.9999), nesterov: fc.boolean() })
    .map((fields) => ({ type: 'sgd', ...fields })),
  fc
    .record({ ...sharedOptimizer, momentum: fc.constantFrom(0.5, null), nesterov: fc.boolean() }, optional)
    .map((fields) => ({ type: 'momentum', ...fields })),
  fc.record({ decay: open01, epsilon: open01 }, optional).map((fields) => ({ type: 'rmsprop', ...fields })),
  fc
    .record({ ...sharedOptimizer, beta1: open01, beta2: open01, epsilon: open01 }, optional)
    .map((fields) => ({ type: 'adam', ...fields, globalClipNorm: 2 })),
  fc
    .record({ weightDecay: fc.constantFrom(0, 1), clipValue: rate }, optional)
    .map((fields) => ({ type: 'adamw', ...fields })),
);
const embeddings = fc.constantFrom(
  null,
  [],
  [{ columns: 3, vocabulary: 4, dimension: 2 }],
  [
    { feature: 'island', columns: [0, 2], dimension: 512, l2: null },
    { columns: [4, 5], dimension: 1 },
  ],
);
const network = fc.oneof(
  { weight: 4, arbitrary: fc.array(fc.oneof(simple, block), { maxLength: 4 }) },
  fc.constant(undefined),
);
const tasks = fc.constantFrom('classification' as const, 'regression' as const, 'multilabel' as const);
const specs = fc
  .record(
    {
      $schema: fc.constant('model-spec.schema.json'),
      layers: network,
      embeddings,
      optimizer,
      epochs: fc.constantFrom(1, 100_000),
      batchSize: fc.constantFrom(1, 1_000_000, null),
      validationSplit: fc.constantFrom(0.1, 0.9),
      earlyStopping: fc.record(
        {
          monitor: fc.constantFrom('val_loss', 'metric', null),
          patience: fc.constantFrom(0, 100_000),
          minDelta: fc.constantFrom(0, 1e9),
          restoreBest: fc.boolean(),
          startFromEpoch: fc.constant(3),
        },
        optional,
      ),
      initializer: fc.constantFrom('ones', null),
      seed: fc.constantFrom(0, Number.MAX_SAFE_INTEGER),
      classWeights: fc.constantFrom('balanced', [1, 0, 2.5], { a: 2, b: null }, null),
      positiveWeights: fc.constantFrom('balanced', [1, 0.1, 2.5], { a: 2, b: null }, null),
      named: fc.boolean(),
      loss: fc.constantFrom(0, 1, 2),
    },
    { requiredKeys: ['validationSplit', 'named', 'loss'] },
  )
  .chain((fields) => tasks.map((task) => ({ task, fields })))
  .map(({ task, fields: { layers, classWeights, positiveWeights, named, loss, ...rest } }) => {
    const losses = { regression: ['mse', 'mae', 'huber'] };
    const spec: Record<string, unknown> = {
      ...rest,
      ...(layers && { layers: [...layers, {}] }),
      ...(named && { task }),
      ...(task === 'regression' && { loss: losses.regression[loss], targetScaling: 'none' }),
      ...(task === 'classification' && classWeights !== undefined && { classWeights }),
      ...(task === 'multilabel' && positiveWeights !== undefined && { positiveWeights }),
    };
    return { task, spec };
  });

const given = {
  class_name: 'Sequential',
  config: { layers: [{ class_name: 'Dense', config: { units: 3, activation: 'softmax' } }] },
};

describe('the JSON Schema of a model specification', () => {
  it('accepts what is accepted', () => {
    fc.assert(
      fc.property(specs, ({ task, spec }) => {
        expect(refusalOf(spec, task)).toBeUndefined();
        expect(accepts(spec), JSON.stringify(accepts.errors)).toBe(true);
        const whole = validateSpec(spec, contextOf(task));
        expect(accepts(JSON.parse(JSON.stringify(whole))), JSON.stringify(accepts.errors)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('and the validation refuse the same, wherever a specification is changed', () => {
    /** Objects and lists in a value, itself included. */
    const places = (value: unknown): (Record<string, unknown> | unknown[])[] =>
      typeof value === 'object' && value !== null
        ? [value as Record<string, unknown>, ...Object.values(value).flatMap(places)]
        : [];
    const values = [
      null, -1, 0, 0.5, 1, 3, 1e12, '', 'x', 'dense', 'sgd', 'balanced', 'linear', true, false, [], {}, [1], [2, 1],
    ]; // prettier-ignore
    const counts = { refused: 0, accepted: 0, left: 0 };
    fc.assert(
      fc.property(
        specs,
        fc.nat(),
        fc.nat(),
        fc.nat(3),
        fc.constantFrom(...values),
        (whole, a, b, how, value) => {
          const { task } = whole;
          const spec = structuredClone(whole.spec);
          const all = places(spec);
          const place = all[a % all.length]! as Record<string, unknown>;
          const keys = Object.keys(place);
          const key = keys[b % Math.max(1, keys.length)];
          if (how === 0) place[Array.isArray(place) ? place.length : 'unknown'] = value;
          else if (how === 1 && key !== undefined && !Array.isArray(place)) delete place[key];
          else if (key !== undefined) place[key] = value;
          const refusal = refusalOf(spec, task);
          const fits = accepts(spec);
          if (refusal === undefined) {
            counts.accepted += 1;
            expect(fits, JSON.stringify(accepts.errors)).toBe(true);
          } else if (leftToTheData.some((pattern) => pattern.test(refusal))) counts.left += 1;
          else {
            counts.refused += 1;
            expect(fits, refusal).toBe(false);
          }
        },
      ),
      { numRuns: 4_000 },
    );
    expect(counts.refused).toBeGreaterThan(1_000);
    expect(counts.accepted).toBeGreaterThan(200);
  });

  it.each([
    ['both layers and a model', { layers: [{}], model: { topology: given } }],
    ['embeddings and a model', { embeddings: [], model: { topology: given } }],
    ['a model without a topology', { model: {} }],
    ['a model that is text', { model: { topology: 'x' } }],
    ['weights that are no text', { model: { topology: given, weights: 5 } }],
    ['two clippings', { optimizer: { clipNorm: 1, clipValue: 1 } }],
    ['nesterov without a momentum', { optimizer: { nesterov: true } }],
    ['a field of another optimizer', { optimizer: { type: 'adam', momentum: 0.9 } }],
    ['a schedule without a kind', { optimizer: { schedule: {} } }],
    ['no layers', { layers: [] }],
    ['a list', []],
    ['a misspelt field', { epoch: 5 }],
  ])('refuses %s, as the validation does', (_what, spec) => {
    expect(refusalOf(spec, 'classification')).toBeDefined();
    expect(accepts(spec)).toBe(false);
  });

  it.each([
    ['a model', { model: { topology: given } }],
    ['a model beside the empty list of a complete specification', { layers: [], model: { topology: given } }],
    ['a model.json', { model: { modelTopology: { model_config: given }, format: 'layers-model' } }],
    ['what Keras writes', { model: { ...given, module: 'keras', keras_version: '3.15.0' } }],
    ['nothing', null],
  ])('accepts %s, as the validation does', (_what, spec) => {
    expect(refusalOf(spec, 'classification')).toBeUndefined();
    expect(accepts(spec), JSON.stringify(accepts.errors)).toBe(true);
  });

  it('accepts the examples of the documentation', () => {
    const page = readFileSync(new URL('../../../docs/contracts/model-spec.md', import.meta.url), 'utf8');
    const examples = [...page.matchAll(/```json\n([^]+?)```/g)].map(
      ([, text]) => JSON.parse(text!) as unknown,
    );
    expect(examples.length).toBeGreaterThan(1);
    for (const example of examples) expect(accepts(example), JSON.stringify(accepts.errors)).toBe(true);
  });
});

describe('the schema of what an event may give', () => {
  const given = ajv.compile(givenSpecSchema);
  it('takes a network as before', () => {
    expect(given({ layers: [{ units: 8 }, {}], epochs: 5 })).toBe(true);
    expect(given(null)).toBe(true);
    expect(given({ layer: [] })).toBe(false);
    expect(given({ plugin: null, layers: [{ units: 8 }, {}] })).toBe(false);
  });
  it('takes a plug-in with any options in its place, and no field of a network beside it', () => {
    expect(given({ plugin: 'knn', options: { k: 3 }, epochs: 2 })).toBe(true);
    expect(given({ plugin: { name: 'knn', version: '1.2.0' } })).toBe(true);
    expect(given({ plugin: '' })).toBe(false);
    expect(given({ plugin: { version: '1.2.0' } })).toBe(false);
    expect(given({ plugin: 'knn', layers: [] })).toBe(false);
  });
});
