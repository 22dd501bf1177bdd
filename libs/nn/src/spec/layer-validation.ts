import { activations } from './layer-spec.js';
import { initializers, outputActivations } from './model-spec.js';
import { layerKinds, limits, mostItems } from './spec-limits.js';
import { absent, choiceOf, fieldsOf, flagOf, numberOf, optionalNumber, refuse } from './spec-fields.js';
import type { Activation, DenseLayer, LayerSpec } from './layer-spec.js';
import type { SpecContext } from './spec-validation.js';
import type { Fields } from './spec-fields.js';

/** Layers of all blocks together, and blocks in each other. */
const mostLayers = 256;
const deepest = 4;

const layersRange = (value: unknown): value is unknown[] =>
  Array.isArray(value) && value.length >= 1 && value.length <= mostItems.layers;

/** The layers of a specification; the last one makes the prediction. RK_SPEC_INVALID names the first wrong field. */
export function layersOf(
  value: unknown,
  fallback: LayerSpec[],
  context: SpecContext,
  inputs: number,
): LayerSpec[] {
  if (absent(value)) return fallback;
  if (!layersRange(value)) return refuse('layers', `must be a list of 1 to ${mostItems.layers} layers`);
  const count = { layers: 0 };
  let width = inputs;
  const layers = value.map((given, i) => {
    const layer = layerOf(given, `layers[${i}]`, i === value.length - 1, context, { width, depth: 0, count });
    width = widthAfter(layer, width);
    return layer;
  });
  const last = layers.length - 1;
  if (layers[last]!.type !== 'dense')
    refuse(`layers[${last}].type`, 'must be dense: the last layer makes the prediction');
  return layers;
}

/** Columns after a layer. */
export function widthAfter(layer: LayerSpec, width: number): number {
  if (layer.type === 'dense') return layer.units;
  if (layer.type !== 'residual') return width;
  return layer.layers.reduce((inner, one) => widthAfter(one, inner), width);
}

interface Place {
  /** Columns that come in. */
  width: number;
  depth: number;
  count: { layers: number };
}

function layerOf(
  value: unknown,
  field: string,
  last: boolean,
  context: SpecContext,
  place: Place,
): LayerSpec {
  place.count.layers += 1;
  if (place.count.layers > mostLayers) refuse(field, `is one layer more than the ${mostLayers} allowed`);
  const kind = choiceOf((value as Fields | null)?.['type'], `${field}.type`, 'dense', layerKinds);
  const at = (name: string): string => `${field}.${name}`;
  if (kind === 'dropout') {
    const fields = fieldsOf(value, field, ['type', 'rate']);
    return { type: 'dropout', rate: numberOf(fields['rate'], at('rate'), 0.5, limits.dropoutRate) };
  }
  if (kind === 'batch_norm') {
    const fields = fieldsOf(value, field, ['type', 'momentum', 'epsilon']);
    return {
      type: 'batch_norm',
      momentum: numberOf(fields['momentum'], at('momentum'), 0.99, limits.unit),
      epsilon: numberOf(fields['epsilon'], at('epsilon'), 1e-3, limits.unit),
    };
  }
  if (kind === 'layer_norm') {
    const fields = fieldsOf(value, field, ['type', 'epsilon']);
    return { type: 'layer_norm', epsilon: numberOf(fields['epsilon'], at('epsilon'), 1e-3, limits.unit) };
  }
  if (kind === 'activation') {
    const fields = fieldsOf(value, field, ['type', 'activation']);
    return { type: 'activation', activation: hiddenActivation(fields['activation'], at('activation')) };
  }
  return kind === 'residual'
    ? residualOf(value, field, context, place)
    : denseOf(value, field, last, context);
}

function hiddenActivation(value: unknown, field: string): Activation {
  const activation = activationOf(value, field, 'relu');
  if (activation === 'softmax') refuse(field, 'can be softmax in the last layer only');
  return activation;
}

function activationOf(value: unknown, field: string, fallback: Activation): Activation {
  return choiceOf(value === 'swish' ? 'silu' : value, field, fallback, activations);
}

function residualOf(value: unknown, field: string, context: SpecContext, place: Place): LayerSpec {
  const fields = fieldsOf(value, field, ['type', 'layers', 'projection']);
  if (place.depth >= deepest)
    refuse(field, `stands in ${deepest} other residual blocks, which is the most allowed`);
  const inner = fields['layers'];
  if (!layersRange(inner))
    return refuse(`${field}.layers`, `must be a list of 1 to ${mostItems.layers} layers`);
  let { width } = place;
  const layers = inner.map((given, i) => {
    const within = { width, depth: place.depth + 1, count: place.count };
    const layer = layerOf(given, `${field}.layers[${i}]`, false, context, within);
    width = widthAfter(layer, width);
    return layer;
  });
  const projection = flagOf(fields['projection'], `${field}.projection`, false);
  if (!projection && width !== place.width) {
    refuse(
      `${field}.layers`,
      `must end with as many outputs as come in, ${place.width}, not ${width}`,
      'Give its last dense layer those units, or set projection to true.',
    );
  }
  return { type: 'residual', layers, projection };
}

function denseOf(value: unknown, field: string, last: boolean, context: SpecContext): DenseLayer {
  const known = ['type', 'units', 'activation', 'initializer', 'useBias', 'l1', 'l2'];
  const fields = fieldsOf(value, field, known);
  if (!last && absent(fields['units'])) refuse(`${field}.units`, 'is missing');
  const units = numberOf(fields['units'], `${field}.units`, context.outputs, limits.units);
  const output = outputActivations[context.task];
  const activation = activationOf(fields['activation'], `${field}.activation`, last ? output : 'relu');
  if (last && units !== context.outputs) {
    const hint = 'Leave units out of the last layer: the data decides it.';
    refuse(`${field}.units`, `must be ${context.outputs} (the outputs of this data), not ${units}`, hint);
  }
  if (last && activation !== output)
    refuse(`${field}.activation`, `must be ${output} for ${context.task}, not ${activation}`);
  if (!last) hiddenActivation(activation, `${field}.activation`);
  const useBias = flagOf(fields['useBias'], `${field}.useBias`, true);
  if (last && !useBias) refuse(`${field}.useBias`, 'must be true in the last layer');
  return {
    type: 'dense',
    units,
    activation,
    ...(absent(fields['initializer'])
      ? {}
      : { initializer: choiceOf(fields['initializer'], `${field}.initializer`, 'zeros', initializers) }),
    ...(useBias ? {} : { useBias }),
    ...optionalNumber(fields, 'l1', `${field}.l1`, limits.penalty),
    ...optionalNumber(fields, 'l2', `${field}.l2`, limits.penalty),
  };
}
