import { NnError } from '../nn-error.js';
import { leakySlope } from '../layers/activation.js';
import { PlanBuilder } from '../network-plan.js';
import { activations } from '../spec/layer-spec.js';
import { connectionsOf, inputWidthOf, layersOf, networkInput } from './topology-layers.js';
import { initializerOf, penaltyOf } from './topology-config.js';
import type { NetworkPlan } from '../network-plan.js';
import type { Activation } from '../spec/layer-spec.js';
import type { TopologyLayer } from './topology-layers.js';

/** What a layer of a topology gives: a value of the plan, or one on its way to be columns of the input. */
type Given =
  | { kind: 'value' | 'image' | 'embedded'; value: number }
  | { kind: 'cropped'; value: number; from: number; to: number };

/** A plan, or the first layer that there is none for. */
export type TopologyPlan = { plan: NetworkPlan } | { plan: undefined; unsupported: string };

/**
 * The plan of a Sequential or Functional topology of one input and one output, of the layers that a specification can have, as
 * TensorFlow.js or Keras (2 or 3) writes them. Names of the layers are not kept: parameters are matched by their order.
 * `inputs` is taken where the topology leaves its width open.
 */
export function planFromTopology(topology: string | object, inputs?: number): TopologyPlan {
  const parsed = typeof topology === 'string' ? parseTopology(topology) : topology;
  const layers = layersOf(parsed);
  if (layers === undefined)
    return { plan: undefined, unsupported: 'a model that is neither Sequential nor Functional' };
  const width = inputWidthOf(layers) ?? inputs;
  if (width === undefined) return { plan: undefined, unsupported: 'an input of unknown width' };
  const builder = new PlanBuilder(width);
  const given = new Map<string, Given>([[networkInput, { kind: 'value', value: 0 }]]);
  const { sourcesOf, output } = connectionsOf(parsed, layers);
  for (const layer of layers) {
    const sources = sourcesOf(layer)?.map((name) => given.get(name));
    const result =
      layer.kind === 'InputLayer' && (sources === undefined || sources.length === 0)
        ? ({ kind: 'value', value: 0 } as const)
        : addLayer(builder, layer, sources ?? []);
    if (result === undefined)
      return { plan: undefined, unsupported: `the layer ${layer.name} (${layer.kind})` };
    given.set(layer.name, result);
  }
  const last = given.get(output);
  if (last?.kind !== 'value' || last.value !== builder.last || builder.last === 0)
    return { plan: undefined, unsupported: 'an output that is not its last layer' };
  return { plan: builder.build() };
}

function addLayer(
  builder: PlanBuilder,
  { kind, config }: TopologyLayer,
  sources: readonly (Given | undefined)[],
): Given | undefined {
  const value = (place: number): Given => ({ kind: 'value', value: place });
  const [first] = sources;
  if (first === undefined || sources.some((source) => source === undefined)) return undefined;
  const flat = sources.flatMap((source) => (source?.kind === 'value' ? [source.value] : []));
  if (kind === 'Flatten') {
    if (first.kind !== 'cropped') return first.kind === 'image' ? undefined : value(first.value);
    return value(builder.add({ kind: 'columns', from: first.from, to: first.to }, [first.value]));
  }
  if (kind === 'Cropping2D') {
    const [rows, columns] = config['cropping'] as [[number, number], [number, number]];
    if (first.kind !== 'image' || columns[0] !== 0 || columns[1] !== 0 || first.value !== 0) return undefined;
    return { kind: 'cropped', value: 0, from: rows[0], to: builder.width(0) - rows[1] };
  }
  if (flat.length !== sources.length) return undefined;
  const at = flat[0]!;
  if (kind === 'Reshape') {
    const shape = config['target_shape'];
    const image = Array.isArray(shape) && shape.length === 3 && shape[1] === 1 && shape[2] === 1;
    return image ? { kind: 'image', value: at } : undefined;
  }
  if (kind === 'Add' || kind === 'Concatenate') {
    const axis = config['axis'] ?? -1;
    const alike = flat.every((one) => builder.width(one) === builder.width(at));
    if (kind === 'Add')
      return alike && flat.length > 1 ? value(builder.add({ kind: 'add' }, flat)) : undefined;
    return axis === -1 || axis === 1 ? value(builder.add({ kind: 'concat' }, flat)) : undefined;
  }
  if (kind === 'Embedding') {
    const vocabulary = Number(config['input_dim']);
    if (builder.width(at) !== 1 || config['mask_zero'] === true) return undefined;
    const penalty = penaltyOf(config['embeddings_regularizer']);
    if (penalty === undefined || (penalty.l1 ?? 0) !== 0) return undefined;
    const draft = { kind: 'embedding', vocabulary, units: Number(config['output_dim']), ...penalty } as const;
    return { kind: 'embedded', value: builder.add(draft, [at]) };
  }
  const place = addSimple(builder, kind, config, at);
  return place === undefined ? undefined : value(place);
}

/** Layers of one flat input that are one operation. */
function addSimple(
  builder: PlanBuilder,
  kind: string,
  config: Record<string, unknown>,
  source: number,
): number | undefined {
  const normed = config['center'] !== false && config['scale'] !== false;
  const epsilon = Number(config['epsilon'] ?? 1e-3);
  const activation = activationOf(config['activation']);
  switch (kind) {
    case 'Dense': {
      const penalty = penaltyOf(config['kernel_regularizer']);
      const foreign = ['bias_regularizer', 'activity_regularizer', 'kernel_constraint', 'bias_constraint'];
      const known = foreign.every((field) => config[field] === undefined || config[field] === null);
      if (activation === undefined || penalty === undefined || !known) return undefined;
      const initializer = initializerOf(config['kernel_initializer']);
      const useBias = config['use_bias'] !== false;
      const shared = { ...penalty, ...(initializer && { initializer }), useBias };
      return builder.add({ kind: 'dense', units: Number(config['units']), activation, ...shared }, [source]);
    }
    case 'Activation':
      return activation && builder.add({ kind: 'activation', activation }, [source]);
    case 'ReLU': {
      const plain = !config['max_value'] && !config['negative_slope'] && !config['threshold'];
      return plain ? builder.add({ kind: 'activation', activation: 'relu' }, [source]) : undefined;
    }
    case 'LeakyReLU': {
      const slope = Number(config['alpha'] ?? config['negative_slope']);
      const known = Math.abs(slope - leakySlope) < 1e-6;
      return known ? builder.add({ kind: 'activation', activation: 'leaky_relu' }, [source]) : undefined;
    }
    case 'Dropout':
      return builder.add({ kind: 'dropout', rate: Number(config['rate']) }, [source]);
    case 'BatchNormalization': {
      const momentum = Number(config['momentum'] ?? 0.99);
      return normed ? builder.add({ kind: 'batch_norm', momentum, epsilon }, [source]) : undefined;
    }
    case 'LayerNormalization':
      return normed ? builder.add({ kind: 'layer_norm', epsilon }, [source]) : undefined;
    default:
      return undefined;
  }
}

function activationOf(value: unknown): Activation | undefined {
  if (value === undefined || value === null) return 'linear';
  if (value === 'swish') return 'silu';
  return activations.find((name) => name === value);
}

/** The topology as an object, or RK_MODEL_CORRUPT where it is not JSON. */
export function parseTopology(topology: string): object {
  try {
    const parsed: unknown = JSON.parse(topology);
    if (typeof parsed === 'object' && parsed !== null) return parsed;
  } catch (cause) {
    throw new NnError('RK_MODEL_CORRUPT', "The model's topology is not JSON.", {
      cause,
      hint: 'Train or fetch the model again.',
    });
  }
  throw new NnError('RK_MODEL_CORRUPT', "The model's topology is not a JSON object.", {
    hint: 'Train or fetch the model again.',
  });
}
