import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import * as grpc from '@grpc/grpc-js';
import { headers } from '@nats-io/transport-node';
import { jetstream } from '@nats-io/jetstream';
import { RookeryError, errorCodes, events, isErrorCode } from '@rookery/contracts';
import type { ErrorCode } from '@rookery/contracts';
import { rowFromProto } from '@rookery/client';
import type { PlainRow } from '@rookery/client';
import { InferenceServiceClient } from '@rookery/proto/rookery/inference/v1/inference';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { exampleUri, startTestSystem } from './support/test-system.js';
import type { TestSystem } from './support/test-system.js';
import { eventually } from './support/waiting.js';

let world: TestSystem;

beforeAll(async () => {
  world = await startTestSystem();
});

afterAll(async () => {
  await world?.stop();
});

/** What is published: the payload as text, or the fields beside a name, a good uri and a good target. */
interface BadDataset {
  readonly what: string;
  readonly payload?: string;
  readonly fields?: Record<string, unknown>;
  /** Bytes of the file that is published. */
  readonly file?: string | ((path: string) => void);
  readonly code: ErrorCode;
  /** Words that the message or the details must have: the offending thing. */
  readonly names: readonly string[];
  /** The payload itself can't be read: it is a dead letter too. */
  readonly deadLetter?: boolean;
}

const twoClasses = (rows: number): string =>
  `a,b,y\n${Array.from({ length: rows }, (_, k) => `${k},${k % 7},${k % 2 === 0 ? 'yes' : 'no'}`).join('\n')}\n`;

const badDatasets: readonly BadDataset[] = [
  {
    what: 'malformed JSON',
    payload: '{"name":"broken","uri":',
    code: 'RK_MESSAGE_MALFORMED',
    names: ['JSON'],
    deadLetter: true,
  },
  { what: 'an empty message', payload: '', code: 'RK_MESSAGE_MALFORMED', names: ['empty'], deadLetter: true },
  {
    what: 'JSON that is no object',
    payload: '["penguins"]',
    code: 'RK_MESSAGE_MALFORMED',
    names: ['object'],
    deadLetter: true,
  },
  {
    what: 'an unknown field',
    fields: { targt: 'y' },
    code: 'RK_MESSAGE_UNKNOWN_FIELD',
    names: ['targt'],
    deadLetter: true,
  },
  {
    what: 'a field of the wrong type',
    fields: { folds: 'five' },
    code: 'RK_MESSAGE_WRONG_TYPE',
    names: ['folds', 'five'],
    deadLetter: true,
  },
  { what: 'no target', fields: { target: '' }, code: 'RK_MESSAGE_MISSING_FIELD', names: ['target'] },
  {
    what: 'a target that is no column',
    fields: { target: 'species' },
    code: 'RK_DATASET_TARGET_MISSING',
    names: ['species', 'a, b, y'],
  },
  {
    what: 'a target with one class',
    file: 'a,y\n1,only\n2,only\n3,only\n',
    code: 'RK_DATASET_TARGET_CONSTANT',
    names: ['"y"', 'only'],
  },
  {
    what: 'a file that is not there',
    file: () => undefined,
    code: 'RK_DATASET_NOT_FOUND',
    names: ['bad-8.csv'],
  },
  {
    what: 'a file of the system',
    fields: { uri: 'file:///etc/passwd' },
    code: 'RK_DATASET_URI_FORBIDDEN',
    names: ['/etc/passwd', 'ROOKERY_FILE_ROOTS'],
  },
  {
    what: 'an address of the metadata service of a cloud',
    fields: { uri: 'http://169.254.169.254/latest/meta-data' },
    code: 'RK_DATASET_URI_FORBIDDEN',
    names: ['169.254.169.254', 'link-local'],
  },
  { what: 'an empty file', file: '', code: 'RK_DATASET_EMPTY', names: ['.csv'] },
  { what: 'ragged rows', file: 'a,b,y\n1,2,x\n3,4\n5,6,z\n', code: 'RK_DATASET_RAGGED', names: ['3'] },
  { what: 'a NUL byte', file: 'a,b,y\n1,2,x\n3,\u0000,z\n', code: 'RK_DATASET_NUL_BYTE', names: ['3'] },
  {
    what: 'a wrong sha256',
    fields: { sha256: 'ab'.repeat(32) },
    code: 'RK_DATASET_CHECKSUM',
    names: ['ab'.repeat(32)],
  },
  {
    what: '10 million columns',
    file: (path) => {
      const file = openSync(path, 'w');
      for (let k = 0; k < 100; k++) {
        const names = Array.from({ length: 100_000 }, (_, j) => (k * 100_000 + j).toString(36));
        writeSync(file, `${k === 0 ? '' : ','}${names.join(',')}`);
      }
      writeSync(file, ',y\n1,2\n');
      closeSync(file);
    },
    code: 'RK_DATASET_TOO_MANY_COLUMNS',
    names: ['2000'],
  },
  {
    what: 'a column that is all missing',
    file: 'a,void,y\n1,,x\n2,NA,z\n3,.,x\n4,,z\n',
    fields: { folds: 2 },
    code: 'RK_DATASET_COLUMN_EMPTY',
    names: ['void'],
  },
  {
    what: 'more folds than rows',
    file: twoClasses(6),
    fields: { folds: 7, stratify: false },
    code: 'RK_FOLDS_INVALID',
    names: ['7', '6'],
  },
  {
    what: 'more stratified folds than rows of the smallest class',
    file: twoClasses(20),
    fields: { folds: 11 },
    code: 'RK_FOLDS_INVALID',
    names: ['11', '10'],
  },
  {
    what: 'a name with a dot',
    fields: { name: 'my.penguins' },
    code: 'RK_KEY_INVALID',
    names: ['my.penguins'],
  },
  {
    what: 'a name with a space',
    fields: { name: 'my penguins' },
    code: 'RK_KEY_INVALID',
    names: ['my penguins'],
  },
  {
    what: 'a format that nobody knows',
    fields: { format: 'xlsx' },
    code: 'RK_DATASET_FORMAT',
    names: ['xlsx'],
  },
];

describe('a data set that can not be used is rejected, with its code and the offending thing named:', () => {
  it.each(badDatasets.map((item, index) => ({ ...item, index })))('$what → $code', async (item) => {
    const path = join(world.directory, `bad-${item.index}.csv`);
    if (typeof item.file === 'function') item.file(path);
    else writeFileSync(path, item.file ?? twoClasses(40));
    const request = { name: `bad_${item.index}`, uri: pathToFileURL(path).href, target: 'y', ...item.fields };
    const id = `bad-input-${item.index}`;
    const head = headers();
    head.set('Nats-Msg-Id', id);
    await jetstream(world.nats).publish('ml.dataset.ready', item.payload ?? JSON.stringify(request), {
      headers: head,
    });

    const { data } = await world.tap.wait(
      events.datasetRejected,
      ({ requestEventId }) => requestEventId === id,
      item.what,
    );
    const said = `${data.message} ${Object.entries(data.details).join(' ')}`;
    expect(data.code).toBe(item.code);
    for (const name of item.names) expect(said).toContain(name);
    expect(data.hint).not.toBe('');

    const listed = await eventually(async () => {
      const datasets = await world.client.datasets({ limit: 1000 });
      return datasets.find(({ requestEventId }) => requestEventId === id);
    }, 'the rejected request is listed');
    expect(listed).toMatchObject({ state: 'rejected', code: item.code, version: 0 });
    if (item.deadLetter === true) {
      const letter = await world.tap.wait(
        events.deadLetter,
        ({ eventId }) => eventId === id,
        'the dead letter',
      );
      expect(letter.data).toMatchObject({
        code: item.code,
        consumer: 'ingest',
        subject: 'ml.dataset.ready',
        attempts: 1,
      });
      expect(letter.data.payload.toString('utf8')).toBe(item.payload ?? JSON.stringify(request));
    }
    expect(await world.unhealthy()).toEqual([]);
  });

  it('and the log of events keeps every one of them', async () => {
    const stream = await (
      await jetstream(world.nats).jetstreamManager()
    ).streams.info('ML_EVENTS', { subjects_filter: 'ml.dataset.rejected.*' });
    const kept = Object.values(stream.state.subjects ?? {}).reduce((sum, count) => sum + count, 0);
    expect(kept).toBe(badDatasets.length);
  });
});

describe('a message over the size limit', () => {
  it('is refused at its publisher, with its size and the limit, and the system goes on', async () => {
    const tags = { note: 'x'.repeat(9 * 1024 * 1024) };
    const refused = await world.client
      .publish({ name: 'huge', uri: exampleUri('penguins.csv'), target: 'species', tags })
      .catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(RookeryError);
    const { code, details } = refused as RookeryError;
    expect(code).toBe('RK_MESSAGE_TOO_LARGE');
    expect(Number(details['size'])).toBeGreaterThan(9 * 1024 * 1024);
    expect(Number(details['limit'])).toBe(8 * 1024 * 1024);
    expect(await world.unhealthy()).toEqual([]);
  });

  it('of a prediction is refused with RESOURCE_EXHAUSTED and the limit', async () => {
    const client = new InferenceServiceClient(
      world.client.addresses.inference,
      grpc.credentials.createInsecure(),
    );
    const rows = [
      { values: { island: { kind: { $case: 'text' as const, value: 'x'.repeat(5 * 1024 * 1024) } } } },
    ];
    const refused = await new Promise<grpc.ServiceError | null>((resolve) => {
      client.predict({ model: 'penguins', rows }, (error) => resolve(error));
    });
    client.close();
    expect(refused?.code).toBe(grpc.status.RESOURCE_EXHAUSTED);
    expect(refused?.details).toContain('4194304');
    expect(await world.unhealthy()).toEqual([]);
  });
});

describe('a prediction that can not be answered', () => {
  const refusalOf = async (model: string, rows: readonly PlainRow[]): Promise<RookeryError> => {
    const refused = await world.client.predict(model, rows).catch((error: unknown) => error);
    if (!(refused instanceof RookeryError))
      throw new Error(`expected a refusal, not ${JSON.stringify(refused)}`);
    return refused;
  };
  let good: PlainRow;

  it('is refused with RK_MODEL_NOT_READY before any model is there, for a named one and without a name', async () => {
    expect((await refusalOf('penguins', [{}])).code).toBe('RK_MODEL_NOT_READY');
    expect((await refusalOf('', [{}])).code).toBe('RK_MODEL_NOT_READY');
  });

  it('while good data that comes after all the bad is served', async () => {
    const { version } = await world.serve({
      name: 'penguins',
      uri: exampleUri('penguins.csv'),
      target: 'species',
    });
    good = rowFromProto(version.inputExample);
    expect(await world.client.predict('penguins', [good])).toHaveLength(1);
  });

  const badRows: readonly {
    what: string;
    rows: () => PlainRow[];
    code: ErrorCode;
    names: readonly string[];
  }[] = [
    {
      what: 'a missing feature',
      rows: () => [without(good, 'island')],
      code: 'RK_FEATURE_MISSING',
      names: ['island', 'Row 0'],
    },
    {
      what: 'a missing feature of a later row',
      rows: () => [good, without(good, 'sex')],
      code: 'RK_FEATURE_MISSING',
      names: ['sex', 'Row 1'],
    },
    {
      what: 'an extra feature',
      rows: () => [{ ...good, colour: 'black' }],
      code: 'RK_FEATURE_UNKNOWN',
      names: ['colour'],
    },
    {
      what: 'text for a number',
      rows: () => [{ ...good, body_mass_g: 'heavy' }],
      code: 'RK_FEATURE_TYPE',
      names: ['body_mass_g'],
    },
    {
      what: 'a number for text',
      rows: () => [{ ...good, island: 3 }],
      code: 'RK_FEATURE_TYPE',
      names: ['island'],
    },
    {
      what: 'NaN',
      rows: () => [{ ...good, body_mass_g: NaN }],
      code: 'RK_FEATURE_NOT_FINITE',
      names: ['body_mass_g', 'NaN'],
    },
    {
      what: 'infinity',
      rows: () => [{ ...good, body_mass_g: Infinity }],
      code: 'RK_FEATURE_NOT_FINITE',
      names: ['body_mass_g', 'Infinity'],
    },
    { what: 'no rows', rows: () => [], code: 'RK_PREDICT_NO_ROWS', names: ['rows'] },
    {
      what: 'more rows than the limit',
      rows: () => Array<PlainRow>(10_001).fill({}),
      code: 'RK_PREDICT_TOO_MANY_ROWS',
      names: ['10001', '10000'],
    },
  ];

  it.each(badRows)('$what → $code, with the offending thing named', async ({ rows, code, names }) => {
    const refused = await refusalOf('penguins', rows());
    const said = `${refused.message} ${Object.entries(refused.details).join(' ')}`;
    expect(refused.code).toBe(code);
    for (const name of names) expect(said).toContain(name);
    expect(await world.unhealthy()).toEqual([]);
  });

  it('an unknown model → RK_MODEL_NOT_FOUND, with the name and the models that there are', async () => {
    const refused = await refusalOf('puffins', [good]);
    expect(refused.code).toBe('RK_MODEL_NOT_FOUND');
    expect(refused.message).toContain('puffins');
    expect(refused.message).toContain('penguins');
  });

  it('and a good one after all that is answered', async () => {
    const [answer] = await world.client.predict('penguins', [
      { ...good, island: 'Atlantis', body_mass_g: null },
    ]);
    expect(answer?.label).toMatch(/^(Adelie|Chinstrap|Gentoo)$/);
    expect(await world.unhealthy()).toEqual([]);
    expect(world.notes).toEqual([]);
  });
});

describe('a run that can not be planned', () => {
  it('fails with the field of the specification named, as a dead letter and in the run', async () => {
    const { end, runId } = await world.run({
      name: 'misspelt',
      uri: exampleUri('penguins.csv'),
      target: 'species',
      modelSpec: { layer: [] },
    });
    if (end.state !== 'failed') throw new Error(`the run ended as ${end.state}`);
    expect(end.failure.code).toBe('RK_SPEC_INVALID');
    expect(end.failure.message).toContain('layer');
    const run = await world.client.run(runId);
    expect(run.code).toBe('RK_SPEC_INVALID');
    const letters = world.tap.seen(events.deadLetter, ({ code }) => code === 'RK_SPEC_INVALID');
    expect(letters.map(({ data }) => data.consumer)).toEqual(['transform']);
  });

  const gru = {
    class_name: 'Sequential',
    config: { layers: [{ class_name: 'GRU', config: { name: 'memory', batch_input_shape: [null, null] } }] },
  };
  it.each<[field: string, modelSpec: Record<string, unknown>]>([
    ['layers[0].type', { layers: [{ type: 'lstm', units: 8 }, {}] }],
    ['layers[1].layers', { layers: [{ units: 8 }, { type: 'residual', layers: [{ units: 7 }] }, {}] }],
    ['layers[0].units', { layers: [{ units: 1e9 }, {}] }],
    ['layers', { layers: [{ units: 50_000 }, { units: 50_000 }, {}] }],
    ['optimizer.weightDecay', { optimizer: { type: 'adamw', weightDecay: -1 } }],
    [
      'optimizer.schedule.values',
      { optimizer: { schedule: { type: 'piecewise', boundaries: [3], values: [0.1] } } },
    ],
    ['earlyStopping.monitor', { earlyStopping: { monitor: 'val_loss' } }],
    ['embeddings[0].feature', { embeddings: [{ feature: 'body_mass_g', dimension: 2 }] }],
    ['classWeights.Emperor', { classWeights: { Emperor: 2 } }],
    ['model.topology', { model: { topology: gru } }],
  ])('fails for a wrong %s, by its name', async (field, modelSpec) => {
    const { end } = await world.run({
      name: 'wrong-spec',
      uri: exampleUri('penguins.csv'),
      target: 'species',
      modelSpec,
    });
    if (end.state !== 'failed') throw new Error(`the run ended as ${end.state}`);
    expect(end.failure.code).toBe('RK_SPEC_INVALID');
    expect(end.failure.message).toContain(`The model's ${field} `);
    expect(await world.unhealthy()).toEqual([]);
  });

  it('fails at the epoch of its divergence, with what to do, while others go on', async () => {
    const { end } = await world.run({
      name: 'wild',
      uri: exampleUri('penguins.csv'),
      target: 'species',
      modelSpec: {
        layers: [{ units: 30, activation: 'linear' }, { units: 30, activation: 'linear' }, {}],
        optimizer: { learningRate: 99, momentum: 0.9 },
        epochs: 500,
      },
    });
    if (end.state !== 'failed') throw new Error(`the run ended as ${end.state}`);
    expect(end.failure.code).toBe('RK_TRAIN_DIVERGED');
    expect(end.failure.message).toMatch(/epoch \d+/);
    expect(await world.unhealthy()).toEqual([]);
  });
});

describe('the codes', () => {
  it('of this file are all in the table of error codes, with what to do', () => {
    for (const { code } of badDatasets) {
      expect(isErrorCode(code)).toBe(true);
      expect(errorCodes[code].whatToDo).not.toBe('');
    }
  });
});

function without(row: PlainRow, name: string): PlainRow {
  return Object.fromEntries(Object.entries(row).filter(([key]) => key !== name));
}
