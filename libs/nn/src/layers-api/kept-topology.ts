import { outputActivations } from '../spec/model-spec.js';
import { connectionsOf, layersOf, networkInput } from '../topology/topology-layers.js';
import { keptLayers, mergingLayers } from './kept-layers.js';
import type { Task } from '../spec/model-spec.js';
import type { TopologyLayer } from '../topology/topology-layers.js';

type Json = Record<string, unknown>;

/** A topology that TensorFlow.js's Layers take as it is, or why there is none. */
export type KeptTopology = { topology: Json; unsupported?: undefined } | { unsupported: string };

/** What the data decides. */
export interface KeptContext {
  task: Task;
  inputs: number;
  /** Absent: those of the last layer. */
  outputs?: number;
}

const input = 'columns';

/** Where the configuration of a wrapper has a layer. */
const wrappedAt = ['layer', 'backward_layer', 'forward_layer'];

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * A given model, whoever wrote it, as a Functional model of TensorFlow.js on rows of `inputs` columns. An input of more dimensions, such
 * as a window of steps, is made from the columns by a Reshape. Whether its shapes fit is found when it is built.
 */
export function keptTopology(given: object, { task, inputs, outputs }: KeptContext): KeptTopology {
  const layers = layersOf(given);
  if (layers === undefined) return { unsupported: 'a model that is neither Sequential nor Functional' };
  const foreign = layers.map(problemOf).find((problem) => problem !== undefined);
  if (foreign !== undefined) return { unsupported: foreign };
  const entries = layers.filter(({ kind }) => kind === 'InputLayer');
  if (entries.length > 1) return { unsupported: 'more than one input' };
  const { sourcesOf, output } = connectionsOf(given, layers);
  const last = layers.find(({ name }) => name === output);
  const wanted = outputActivations[task];
  const units = outputs ?? last?.config['units'];
  if (last?.kind !== 'Dense' || last.config['units'] !== units || last.config['activation'] !== wanted)
    return {
      unsupported: `an output that is not a dense layer of ${outputs ?? 'some'} units with the activation ${wanted}`,
    };
  if (last.config['use_bias'] === false) return { unsupported: 'a last layer without a bias' };

  const shape = shapeOf(entries[0] ?? layers[0]!);
  const width = shape?.reduce<number>((product, size) => product * (size ?? NaN), 1);
  const open = shape === undefined || (shape.length === 1 && shape[0] === null);
  if (!open && width !== inputs)
    return {
      unsupported: `an input of the shape ${JSON.stringify(shape)} where the data has ${inputs} columns`,
    };
  const entry = entries[0]?.name ?? input;
  const written: Json[] = [
    layerOf('InputLayer', input, { batch_input_shape: [null, inputs], dtype: 'float32', sparse: false }, []),
  ];
  // What fed from the model's input is fed by the columns, in the shape that it had.
  let source = input;
  if (shape !== undefined && shape.length > 1) {
    source = entry === input ? `${input}_shape` : entry;
    written.push(layerOf('Reshape', source, { target_shape: shape }, [input]));
  }
  for (const layer of layers) {
    if (layer.kind === 'InputLayer') continue;
    const sources = sourcesOf(layer) ?? [];
    if (sources.length !== 1 && !mergingLayers.has(layer.kind))
      return { unsupported: `the layer ${layer.name} (${layer.kind}) with ${sources.length} inputs` };
    const named = sources.map((name) => (name === networkInput || name === entry ? source : name));
    const config = withInnerNames(cleaned(layer.config), layer.name);
    const ofInput = layer.kind === 'Reshape' && named[0] === source;
    written.push(layerOf(layer.kind, layer.name, ofInput ? withWholeShape(config, inputs) : config, named));
  }
  const config = {
    name: 'model',
    layers: written,
    input_layers: [[input, 0, 0]],
    output_layers: [[output, 0, 0]],
  };
  return { topology: { class_name: 'Functional', config } };
}

function problemOf({ kind, name, config, inbound }: TopologyLayer): string | undefined {
  const layer = `the layer ${name} (${kind})`;
  if (kind !== 'InputLayer' && !keptLayers.has(kind)) return layer;
  if (name === input && kind !== 'InputLayer') return `${layer}, whose name is taken: call it otherwise`;
  if (Array.isArray(inbound) && inbound.length > 1) return `${layer}, which is used more than once`;
  for (const rate of ['dropout', 'recurrent_dropout'])
    if (Number(config[rate] ?? 0) !== 0) return `${layer} with ${rate}, which can not be repeated`;
  if (config['stateful'] === true) return `${layer}, which is stateful`;
  for (const inner of wrappedAt) {
    const wrapped = config[inner];
    if (!isObject(wrapped)) continue;
    const innerConfig = isObject(wrapped['config']) ? wrapped['config'] : {};
    const kindOf = String(wrapped['class_name']);
    const { name: own } = innerConfig;
    const innerName = typeof own === 'string' ? own : inner;
    // A dropout in a wrapper would get the same seed in every step.
    if (kindOf === 'Dropout') return `the layer ${innerName} (Dropout) inside of ${layer}`;
    const problem = problemOf({ kind: kindOf, name: innerName, config: innerConfig, inbound: undefined });
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** Sizes of the input without the batch; null where one is open, undefined where nothing is said. */
function shapeOf({ config }: TopologyLayer): (number | null)[] | undefined {
  const shape = config['batch_input_shape'] ?? config['batch_shape'];
  if (!Array.isArray(shape)) return undefined;
  return shape.slice(1).map((size) => (Number.isInteger(size) ? Number(size) : null));
}

function layerOf(kind: string, name: string, config: Json, sources: string[]): Json {
  const inbound_nodes = sources.length === 0 ? [] : [sources.map((source) => [source, 0, 0, {}])];
  return { class_name: kind, name, config: { ...config, name }, inbound_nodes };
}

/** A Reshape of the input with an open size (−1), which the columns decide: TensorFlow.js leaves it open for the layers behind. */
function withWholeShape(config: Json, inputs: number): Json {
  const shape = config['target_shape'];
  if (!Array.isArray(shape)) return config;
  const sizes = shape.map((size) => (Number.isInteger(size) && Number(size) > 0 ? Number(size) : undefined));
  const rest = sizes.reduce<number>((product, size) => product * (size ?? 1), 1);
  if (sizes.filter((size) => size === undefined).length !== 1 || inputs % rest !== 0) return config;
  return { ...config, target_shape: sizes.map((size) => size ?? inputs / rest) };
}

/** Names for wrapped layers that have none: TensorFlow.js would count them through the life of the process, and weights are found by name. */
function withInnerNames(config: Json, outer: string): Json {
  const named = Object.entries(config).map(([key, value]) => {
    if (!wrappedAt.includes(key) || !isObject(value)) return [key, value];
    const own = isObject(value['config']) ? value['config'] : {};
    const name = typeof own['name'] === 'string' ? own['name'] : `${outer}_${key}`;
    return [key, { ...value, config: withInnerNames({ ...own, name }, name) }];
  });
  return Object.fromEntries(named) as Json;
}

/** A configuration without what only Keras 3 knows: policies for numbers, places in modules. */
function cleaned(value: unknown): Json {
  const clean = (one: unknown, key: string): unknown => {
    if (key === 'dtype') return 'float32';
    if (Array.isArray(one)) return one.map((item) => clean(item, ''));
    if (!isObject(one)) return one;
    const kept = Object.entries(one).filter(
      ([name]) =>
        !['module', 'registered_name', 'build_config', 'batch_input_shape', 'batch_shape'].includes(name),
    );
    return Object.fromEntries(kept.map(([name, item]) => [name, clean(item, name)]));
  };
  return clean(value, '') as Json;
}
