import { activations } from './layer-spec.js';
import { initializers } from './model-spec.js';
import { layerKinds, limits, mostItems } from './spec-limits.js';
import { choiceSchema, flagSchema, numberSchema, objectSchema } from './schema-parts.js';
import type { Schema } from './schema-parts.js';

const everyActivation = [...activations, 'swish'];
const inside = everyActivation.filter((name) => name !== 'softmax');
const kinds: readonly string[] = layerKinds;

/** The kind of a layer; dense is meant where none is named. */
function typeOf(kind: (typeof layerKinds)[number]): Schema {
  return kind === kinds[0] ? { enum: [kind, null], default: kind } : { const: kind };
}

const dense = {
  type: typeOf('dense'),
  units: numberSchema(limits.units, { description: 'Outputs. Leave it out in the last layer.' }),
  activation: choiceSchema(everyActivation, {
    description: 'Softmax in the last layer only; the default there is what the task needs.',
    default: 'relu',
  }),
  initializer: choiceSchema(initializers, { description: 'Of the weights.' }),
  useBias: flagSchema({ default: true }),
  l1: numberSchema(limits.penalty, { description: 'Penalty on the absolute values of the weights.' }),
  l2: numberSchema(limits.penalty, { description: 'Penalty on their squares.' }),
};

const epsilon = numberSchema(limits.unit, { description: 'Added to the variance.', default: 1e-3 });

const others: Record<string, Schema> = {
  dropout: objectSchema(
    {
      type: typeOf('dropout'),
      rate: numberSchema(limits.dropoutRate, {
        description: 'Share of the inputs set to zero.',
        default: 0.5,
      }),
    },
    ['type'],
  ),
  batchNorm: objectSchema(
    {
      type: typeOf('batch_norm'),
      momentum: numberSchema(limits.unit, { description: 'Of the moving averages.', default: 0.99 }),
      epsilon,
    },
    ['type'],
  ),
  layerNorm: objectSchema({ type: typeOf('layer_norm'), epsilon }, ['type']),
  activation: objectSchema(
    { type: typeOf('activation'), activation: choiceSchema(inside, { default: 'relu' }) },
    ['type'],
  ),
  residual: objectSchema(
    {
      type: typeOf('residual'),
      layers: {
        description: 'Their output is added to their input.',
        type: 'array',
        minItems: 1,
        maxItems: mostItems.layers,
        items: { $ref: '#/$defs/innerLayer' },
      },
      projection: flagSchema({
        description: 'The input goes through a linear dense layer of the width of the block first.',
        default: false,
      }),
    },
    ['type', 'layers'],
  ),
};

const reference = (name: string): Schema => ({ $ref: `#/$defs/${name}` });

/** Definitions of layers: `layer` in the list of a specification, `innerLayer` in a residual block. */
export const layerDefinitions: Record<string, Schema> = {
  ...others,
  dense: objectSchema(dense),
  innerDense: objectSchema({ ...dense, activation: choiceSchema(inside, { default: 'relu' }) }, ['units']),
  layer: { anyOf: ['dense', ...Object.keys(others)].map(reference) },
  innerLayer: { anyOf: ['innerDense', ...Object.keys(others)].map(reference) },
};

/** The layers of a specification. */
export const layersSchema: Schema = {
  description: 'From the first hidden layer to the output; the last one must be dense.',
  type: ['array', 'null'],
  minItems: 1,
  maxItems: mostItems.layers,
  items: reference('layer'),
};
