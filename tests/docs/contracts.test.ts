import { decodePayload } from '@rookery/bus';
import { events } from '@rookery/contracts';
import type { EventName } from '@rookery/contracts';
import { defaultSpec, validateSpec } from '@rookery/nn';
import type { Task } from '@rookery/nn';
import { Gate } from '@rookery/proto/rookery/domain/v1/data';
import { DatasetReady, LabelReceived } from '@rookery/proto/rookery/events/v1/dataset';
import { DEFAULT_MISSING_TOKENS } from '@rookery/tabular';
import { describe, expect, it } from 'vitest';

import { documents } from './documents.js';
import { codeBlocks, readFromRoot, tableRows } from './markdown.js';
import { sourceFiles } from './source-files.js';
import { outsiders, traffic } from './subjects.js';

const files = sourceFiles();
const servicesWith = (pattern: RegExp): string[] => [
  ...new Set(
    files
      // What reads the log again to rebuild its database has no part in the traffic.
      .filter((file) => !/\/application\/rebuild(-[a-z]+)?\.ts$/.test(file.path) && pattern.test(file.text))
      .map((file) => /^services\/([^/]+)\//.exec(file.path)?.[1])
      .filter((name) => name !== undefined),
  ),
];

describe('the documents that are written from code', () => {
  it.each(Object.keys(documents))('%s is what the code says (npm run docs)', (path) => {
    expect(readFromRoot(path)).toBe(documents[path]?.());
  });
});

describe('docs/contracts/subjects.md', () => {
  const names = new Set(files.map((file) => /^services\/([^/]+)\//.exec(file.path)?.[1]));

  it('names services that exist', () => {
    for (const [event, { publishers, consumers }] of Object.entries(traffic)) {
      for (const name of [...publishers, ...consumers]) {
        expect(names.has(name) || outsiders.some((outsider) => outsider === name), `${event}: ${name}`).toBe(
          true,
        );
      }
    }
  });

  it.each(Object.keys(events) as EventName[])('says who publishes and consumes %s', (event) => {
    const { publishers, consumers } = traffic[event];
    const listed = [...publishers, ...consumers].filter((name) => names.has(name));
    const mention = new RegExp(`\\bevents\\.${event}\\b`);
    // The console shows whatever passes: it is named below the table.
    const mentioning = servicesWith(mention).filter((name) => name !== 'console');
    expect(new Set(listed)).toEqual(new Set(mentioning));
    for (const name of servicesWith(new RegExp(`(?:consume|row)\\(\\s*events\\.${event}\\b`))) {
      if (name !== 'console') expect(consumers).toContain(name);
    }
    const inClient = files.some((file) => file.path.startsWith('libs/client/') && mention.test(file.text));
    expect(publishers.includes('client') || consumers.includes('client')).toBe(inClient);
  });
});

describe('docs/contracts/headers.md', () => {
  it('has every header that the bus knows, and no other', () => {
    const source = readFromRoot('libs/bus/src/cloud-events.ts');
    const table = /headerNames = \{([^}]+)\}/.exec(source)?.[1] ?? '';
    const names = [...table.matchAll(/: '([^']+)'/g)].map((match) => match[1]);
    expect(names.length).toBeGreaterThan(5);
    expect([...tableRows(readFromRoot('docs/contracts/headers.md')).keys()].sort()).toEqual(names.sort());
  });

  it('names the events that refuse unknown fields', () => {
    const document = readFromRoot('docs/contracts/headers.md');
    for (const event of Object.values(events)) {
      if (event.strict) expect(document).toContain(`\`${event.type}\``);
    }
  });
});

describe('docs/contracts/events.md', () => {
  const document = readFromRoot('docs/contracts/events.md');
  const [ready = '', label = ''] = document.split('## ml.label.received');
  const rows = tableRows(ready);
  const fieldDefault = (field: string): string => rows.get(field)?.[2] ?? '';

  it('has every field of what users publish', () => {
    const fields = [
      ...Object.keys(DatasetReady.fromPartial({})),
      ...Object.keys(Gate.fromPartial({})).map((field) => `gate.${field}`),
    ];
    expect([...rows.keys()].sort()).toEqual(fields.sort());
    expect([...tableRows(label).keys()].sort()).toEqual(Object.keys(LabelReceived.fromPartial({})).sort());
  });

  it('has the defaults that the services take', () => {
    const spec = defaultSpec('classification', 1, 2);
    const constant = (path: string, name: string): string =>
      new RegExp(`export const ${name} = ([\\d.]+);`).exec(readFromRoot(path))?.[1] ??
      `${name} is not in ${path}`;
    expect(fieldDefault('epochs')).toBe(String(spec.epochs));
    expect(fieldDefault('batchSize')).toBe(String(spec.batchSize));
    expect(fieldDefault('learningRate')).toBe(String(spec.optimizer.learningRate));
    expect(fieldDefault('folds')).toBe(
      constant('services/ingest/src/domain/training-request.ts', 'DEFAULT_FOLDS'),
    );
    expect(fieldDefault('folds')).toBe(
      constant('services/transform/src/domain/plan-request.ts', 'defaultFolds'),
    );
    expect(fieldDefault('gate.threshold')).toContain(
      `${constant('services/transform/src/domain/plan-request.ts', 'defaultAccuracy')} for accuracy`,
    );
    expect(fieldDefault('seed')).toContain(
      constant('services/transform/src/domain/run-seed.ts', 'developmentSeed'),
    );
  });

  it('lists the missing tokens and the metrics of a gate', () => {
    for (const token of DEFAULT_MISSING_TOKENS.filter((item) => item !== ''))
      expect(document).toContain(`\`${token}\``);
    const metrics = [
      ...readFromRoot('services/ingest/src/domain/gate-metrics.ts').matchAll(/'([a-z_0-9]+)'/g),
    ];
    expect(metrics.length).toBeGreaterThan(15);
    for (const [, metric] of metrics) expect(rows.get('gate.metric')?.[3]).toContain(`\`${metric}\``);
  });

  it('has examples that are accepted', () => {
    const bodies = [
      ...codeBlocks(document, 'json'),
      ...[...document.matchAll(/pub ml\.dataset\.ready '([^']+)'/g)].map((match) => match[1] ?? ''),
    ];
    expect(bodies).toHaveLength(2);
    for (const body of bodies) {
      const decoded = decodePayload(events.datasetReady, new TextEncoder().encode(body));
      expect(decoded.name).toBe('penguins');
      expect(() =>
        validateSpec(decoded.modelSpec, { task: 'classification', inputs: 9, outputs: 3 }),
      ).not.toThrow();
    }
    const body = /pub ml\.label\.received\.penguins '([^']+)'/.exec(label)?.[1] ?? '';
    expect(decodePayload(events.labelReceived, new TextEncoder().encode(body)).label).toBe('Gentoo');
  });
});

describe('docs/contracts/model-spec.md', () => {
  const document = readFromRoot('docs/contracts/model-spec.md');
  const rows = tableRows(document);
  const context = (task: Task) => ({ task, inputs: 9, outputs: task === 'classification' ? 3 : 1 });
  const model = {
    topology: {
      class_name: 'Sequential',
      config: { layers: [{ class_name: 'Dense', config: { units: 3, activation: 'softmax' } }] },
    },
    weights: Buffer.alloc(4 * 30).toString('base64'),
  };
  const hidden = [
    { units: 4 },
    { type: 'dropout' },
    { type: 'batch_norm' },
    { type: 'layer_norm' },
    { type: 'activation' },
    { type: 'residual', layers: [{ type: 'layer_norm' }] },
  ];
  const schedules = [
    { type: 'exponential', decaySteps: 3, decayRate: 0.3 },
    { type: 'piecewise', boundaries: [3], values: [0.3, 0.3] },
    { type: 'cosine' },
  ];
  const optimizers = ['sgd', 'rmsprop', 'adam', 'adamw'];
  /** Specifications that leave out all that has a default. */
  const given: [Task, object][] = [
    ...(['classification', 'regression'] as const).flatMap((task) =>
      optimizers.map((type): [Task, object] => [task, { layers: [...hidden, {}], optimizer: { type } }]),
    ),
    ...schedules.map((schedule): [Task, object] => ['classification', { optimizer: { schedule } }]),
    ['classification', { earlyStopping: {} }],
    ['classification', { validationSplit: 0.3, earlyStopping: {} }],
  ];
  /** What has no default, or one that a complete specification does not show. */
  const shown: object[] = [
    { model },
    { embeddings: [{ feature: 'island', columns: [0, 1], vocabulary: 3, dimension: 3, l2: 3 }] },
    { layers: [{ units: 3, initializer: 'ones', useBias: false, l1: 3, l2: 3 }, {}] },
    { classWeights: 'balanced', validationSplit: 0.3 },
    { optimizer: { momentum: 0.3, schedule: { type: 'cosine', decaySteps: 3 } } },
    ...['clipNorm', 'globalClipNorm', 'clipValue'].map((name) => ({ optimizer: { [name]: 3 } })),
  ];
  /** Values by path with every index left out: what each field is where nothing was given. */
  const defaults = new Map<string, Set<string>>();
  const fields = new Set<string>();
  const note = (path: string, value: unknown, whole: boolean): void => {
    fields.add(path);
    if (Array.isArray(value)) {
      if (value.every((item) => typeof item === 'object'))
        for (const item of value) note(`${path}[]`.replace('[].layers[]', '[]'), item, whole);
    } else if (typeof value === 'object' && value !== null && path !== 'model.topology') {
      for (const [key, item] of Object.entries(value))
        note(path === '' ? key : `${path}.${key}`, item, whole);
    } else if (whole) {
      defaults.set(path, (defaults.get(path) ?? new Set()).add(String(value)));
    }
  };
  for (const [task, spec] of given) note('', validateSpec(spec, context(task)), true);
  for (const spec of shown) note('', validateSpec(spec, context('classification')), false);
  note('', validateSpec({ positiveWeights: 'balanced' }, context('multilabel')), false);

  it('has every field, and no other', () => {
    const items = ['', 'layers[]', 'embeddings[]'];
    expect([...rows.keys()].sort()).toEqual([...fields].filter((field) => !items.includes(field)).sort());
  });

  it('has every default', () => {
    // Decided by the data, or given above to tell the kinds apart.
    const decided = [
      'task',
      'loss',
      'layers[].units',
      'layers[].type',
      'optimizer.type',
      'optimizer.schedule.type',
    ];
    const required = ['decaySteps', 'decayRate', 'boundaries', 'values'].map(
      (name) => `optimizer.schedule.${name}`,
    );
    for (const [field, values] of defaults) {
      if ([...decided, ...required, 'validationSplit'].includes(field)) continue;
      for (const value of values) expect(rows.get(field)?.[2], field).toContain(`\`${value}\``);
    }
    for (const field of required) expect(rows.get(field)?.[2]).toMatch(/^required/);
    const bare = validateSpec({ layers: [{ units: 4 }, {}], optimizer: {} }, context('classification'));
    expect(rows.get('layers[].type')?.[2]).toBe(`\`${bare.layers[0]?.type}\``);
    expect(rows.get('optimizer.type')?.[2]).toBe(`\`${bare.optimizer.type}\``);
    const [first, second, last] = defaultSpec('classification', 9, 3).layers;
    const words = [first, second].map((layer) =>
      layer?.type === 'dense' ? `dense ${layer.units} ${layer.activation}` : '',
    );
    expect(rows.get('layers')?.[2]).toBe(`${words.join(', ')}, ${last?.type} output`);
  });

  it('says what is allowed in the words of the refusal', () => {
    const kinds: Partial<Record<string, object>> = {
      rate: { type: 'dropout' },
      momentum: { type: 'batch_norm' },
      epsilon: { type: 'layer_norm' },
      projection: { type: 'residual', layers: [{ type: 'layer_norm' }] },
      layers: { type: 'residual' },
    };
    const optimizerOf: Record<string, string> = {
      decay: 'rmsprop',
      epsilon: 'adam',
      beta1: 'adam',
      beta2: 'adam',
      weightDecay: 'adamw',
    };
    const scheduleOf: Record<string, object> = {
      decaySteps: schedules[0]!,
      decayRate: schedules[0]!,
      staircase: schedules[0]!,
      boundaries: schedules[1]!,
      values: schedules[1]!,
    };
    const wrong = {};
    const specWith = (field: string): object => {
      const parts = field.split('.');
      const name = parts.at(-1)!;
      if (field.startsWith('layers[].'))
        return { layers: [{ ...(kinds[name] ?? { units: 4 }), [name]: wrong }, {}] };
      if (field.startsWith('optimizer.schedule.'))
        return { optimizer: { schedule: { type: 'cosine', ...scheduleOf[name], [name]: wrong } } };
      if (field.startsWith('optimizer.'))
        return {
          optimizer: { type: optimizerOf[name] ?? 'sgd', [name]: field === 'optimizer.schedule' ? 3 : wrong },
        };
      if (field.startsWith('embeddings[].'))
        return { embeddings: [{ columns: [0, 1], dimension: 3, [name]: wrong }] };
      if (field.startsWith('earlyStopping.')) return { earlyStopping: { [name]: wrong } };
      if (field.startsWith('model.')) return { model: { ...model, [name]: name === 'topology' ? 3 : wrong } };
      return {
        [field]: ['earlyStopping', 'model', 'classWeights', 'positiveWeights'].includes(field) ? 3 : wrong,
      };
    };
    for (const field of rows.keys()) {
      if (field === 'optimizer') continue;
      const tasks: Partial<Record<string, Task>> = {
        targetScaling: 'regression',
        positiveWeights: 'multilabel',
      };
      const task = tasks[field] ?? 'classification';
      let message = '';
      try {
        validateSpec(specWith(field), context(task));
      } catch (error) {
        message = (error as Error).message;
      }
      const allowed = /must be (.+?)(?: within .*)?(?:, not .*)?\.$/.exec(message)?.[1];
      expect(allowed, field).toBeDefined();
      if (field === 'task' || field === 'loss')
        expect(rows.get(field)?.[1]).toContain(allowed?.replace('one of ', ''));
      else expect(rows.get(field)?.[1], field).toContain(allowed);
    }
  });

  it('has examples that are accepted', () => {
    const [example = '', rich = ''] = codeBlocks(document, 'json');
    const features = [{ name: 'island', from: 4, to: 7, categorical: true }];
    const richSpec = validateSpec(JSON.parse(rich), { ...context('classification'), features });
    expect(richSpec).toMatchObject({
      embeddings: [{ columns: [4, 7] }],
      optimizer: { type: 'adamw', globalClipNorm: 1 },
    });
    const spec = validateSpec(JSON.parse(example), context('classification'));
    expect(spec).toMatchObject({
      epochs: 120,
      batchSize: 64,
      optimizer: { type: 'adam', learningRate: 0.002, beta1: 0.9 },
    });
    expect(spec.layers).toHaveLength(5);
  });
});
