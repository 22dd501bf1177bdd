import { layerDefinitions, layersSchema } from './layer-schema.js';
import { defaultSpec, initializers, lossesOf, tasks } from './model-spec.js';
import { optimizerDefinitions, optimizerSchema } from './optimizer-schema.js';
import { limits, modelFields, monitors, mostItems, mostWeights } from './spec-limits.js';
import {
  choiceSchema,
  flagSchema,
  numberSchema,
  numbersSchema,
  objectSchema,
  orNull,
  whereField,
} from './schema-parts.js';
import type { Schema } from './schema-parts.js';

const standard = defaultSpec('classification', 1, 2);
const object = { type: 'object' };
const given = { not: { type: 'null' } };
const reference = (name: string): Schema => ({ $ref: `#/$defs/${name}` });

const embedding: Schema = {
  ...objectSchema(
    {
      feature: { description: 'A categorical feature, by its name.', type: ['string', 'null'] },
      columns: {
        description: 'A column of the input or [first, one after the last], where no feature is named.',
        anyOf: [
          { type: 'integer', minimum: 0 },
          {
            type: 'array',
            items: { type: 'integer', minimum: 0 },
            minItems: 2,
            maxItems: 2,
          },
          { type: 'null' },
        ],
      },
      vocabulary: numberSchema(limits.vocabulary, {
        description: 'The column holds codes from 0 to below it. Left out, the columns are one-hot.',
      }),
      dimension: numberSchema(limits.dimension, { description: 'Numbers of the vector of a category.' }),
      l2: numberSchema(limits.penalty, { description: 'Penalty on the squares.', default: 0 }),
    },
    ['dimension'],
  ),
  anyOf: ['feature', 'columns'].map((name) => ({ required: [name], properties: { [name]: given } })),
};

const earlyStopping = objectSchema({
  monitor: choiceSchema(monitors, {
    description: 'What must improve; val_… needs a validationSplit, and is the default with one.',
  }),
  patience: numberSchema(limits.stoppingEpochs, {
    description: 'Epochs without an improvement after which the fit ends.',
    default: 10,
  }),
  minDelta: numberSchema(limits.minDelta, {
    description: 'Least change that is an improvement.',
    default: 0,
  }),
  restoreBest: flagSchema({
    description: 'The weights of the best epoch are the result.',
    default: true,
  }),
  startFromEpoch: numberSchema(limits.stoppingEpochs, {
    description: 'Epochs before the first that counts.',
    default: 0,
  }),
});

const model: Schema = {
  ...objectSchema(
    Object.fromEntries(
      modelFields.map((name): [string, Schema] => {
        if (name === 'weights')
          return [
            name,
            {
              description: 'Little-endian float32 numbers to start from, in base64.',
              type: ['string', 'null'],
              maxLength: mostWeights,
            },
          ];
        return [name, {}];
      }),
    ),
  ),
  anyOf: [
    { required: ['topology'], properties: { topology: object } },
    {
      required: ['modelTopology'],
      properties: { topology: { type: 'null' }, modelTopology: object },
    },
    {
      required: ['class_name'],
      properties: { topology: { type: 'null' }, modelTopology: { type: 'null' }, class_name: given },
    },
  ],
};

const withoutModel = {
  properties: { model: { type: 'null' }, layers: { if: { type: 'array' }, then: { minItems: 1 } } },
};
const withModel = {
  required: ['model'],
  properties: {
    model: reference('model'),
    layers: { anyOf: [{ type: 'null' }, { type: 'array', maxItems: 0 }] },
    embeddings: { type: 'null' },
  },
};

/**
 * The JSON Schema (2020-12) of a specification, for editors and other programs: made from the limits and lists that
 * `validateSpec` refuses by. It accepts whatever that accepts; what depends on the data (units of the last layer, columns, names) or on
 * several fields at a distance (sizes, the last layer) is left to `validateSpec`.
 */
export const modelSpecSchema: Schema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Rookery model specification',
  description: 'What is trained: the field modelSpec of ml.dataset.ready. Every field may be left out.',
  type: ['object', 'null'],
  properties: {
    $schema: { description: 'For editors; means nothing else.', type: ['string', 'null'] },
    task: choiceSchema(tasks, { description: 'As the data says.' }),
    layers: { ...layersSchema, minItems: 0 },
    model: orNull(reference('model'), {
      description: 'A Keras or TensorFlow.js model in the place of layers.',
    }),
    embeddings: {
      description: 'Categories as learned vectors.',
      type: ['array', 'null'],
      maxItems: mostItems.embeddings,
      items: reference('embedding'),
    },
    optimizer: optimizerSchema,
    loss: choiceSchema(Object.values(lossesOf).flat(), { description: 'Mean over a batch; by the task.' }),
    classWeights: {
      description: "Factors of the rows' losses: balanced, a list, or by class.",
      anyOf: [
        { enum: ['balanced', null] },
        numbersSchema(limits.classWeight, mostItems.numbers),
        { type: 'object', additionalProperties: numberSchema(limits.classWeight) },
      ],
    },
    positiveWeights: {
      description:
        "Multi-label: factors of a label's loss in the rows that have it: balanced, a list, or by label.",
      anyOf: [
        { enum: ['balanced', null] },
        numbersSchema(limits.positiveWeight, mostItems.numbers),
        { type: 'object', additionalProperties: numberSchema(limits.positiveWeight) },
      ],
    },
    epochs: numberSchema(limits.epochs, {
      description: 'Passes over the training rows.',
      default: standard.epochs,
    }),
    batchSize: numberSchema(limits.batchSize, {
      description: 'Rows of a step.',
      default: standard.batchSize,
    }),
    validationSplit: numberSchema(limits.validationSplit, {
      description: 'Share of the training rows that is held out to judge epochs.',
      default: 0,
    }),
    earlyStopping: orNull(reference('earlyStopping'), {
      description: 'When a fit ends before its last epoch.',
    }),
    initializer: choiceSchema(initializers, {
      description: 'Of the weights whose layer names none.',
      default: standard.initializer,
    }),
    targetScaling: choiceSchema(['standard', 'none'], {
      description: 'Regression: fit on the standardised target. Its default there is standard.',
    }),
    seed: numberSchema(limits.seed, {
      description: 'Replaced by the seed of the run.',
      default: standard.seed,
    }),
  },
  additionalProperties: false,
  allOf: [
    { anyOf: [withoutModel, withModel] },
    ...tasks.map((task) =>
      whereField('task', [task], {
        properties: {
          loss: { enum: [...lossesOf[task], null] },
          targetScaling: { enum: task === 'regression' ? ['standard', 'none', null] : ['none', null] },
          ...(task !== 'classification' && { classWeights: { type: 'null' } }),
          ...(task !== 'multilabel' && { positiveWeights: { type: 'null' } }),
        },
      }),
    ),
  ],
  $defs: { ...layerDefinitions, ...optimizerDefinitions, embedding, earlyStopping, model },
};
