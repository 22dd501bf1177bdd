import { leakySlope } from '../layers/activation.js';
import { batchInputShape, layerJson } from './layer-json.js';
import type { NetworkPlan } from '../network-plan.js';
import type { Operation } from '../layers/operation.js';
import type { LayerJson } from './layer-json.js';

/** What TensorFlow.js Layers writes its name and version as. */
const format = { keras_version: 'tfjs-layers 4.22.0', backend: 'tensor_flow.js' };

/** Activations that a layer of TensorFlow.js takes by a name of its own; leaky relu is a layer only. */
const names: Partial<Record<string, string>> = { silu: 'swish' };

/** The layers of one operation, each fed by the one before. */
function layersOf(operation: Operation, width: number): LayerJson[] {
  const { name } = operation;
  const leaky = (suffix: string): LayerJson =>
    layerJson('LeakyReLU', `${name}${suffix}`, { alpha: leakySlope });
  switch (operation.kind) {
    case 'dense': {
      const separate = operation.activation === 'leaky_relu';
      const activation = separate ? 'linear' : (names[operation.activation] ?? operation.activation);
      const units = operation.outputs;
      const dense = layerJson('Dense', name, { units, activation, use_bias: operation.bias >= 0 });
      return separate ? [dense, leaky('_activation')] : [dense];
    }
    case 'activation': {
      const { activation } = operation;
      if (activation === 'leaky_relu') return [leaky('')];
      return [layerJson('Activation', name, { activation: names[activation] ?? activation })];
    }
    case 'dropout':
      return [layerJson('Dropout', name, { rate: operation.rate, noise_shape: null, seed: null })];
    case 'batch_norm': {
      const { momentum, epsilon } = operation;
      return [layerJson('BatchNormalization', name, { momentum, epsilon })];
    }
    case 'layer_norm':
      return [layerJson('LayerNormalization', name, { epsilon: operation.epsilon })];
    case 'embedding':
      return [
        layerJson('Embedding', name, { input_dim: operation.vocabulary, output_dim: operation.outputs }),
        layerJson('Flatten', `${name}_flat`, {}),
      ];
    case 'columns':
      // No layer takes columns: as the rows of an image they can be cropped.
      return [
        layerJson('Reshape', `${name}_image`, { target_shape: [width, 1, 1] }),
        layerJson('Cropping2D', `${name}_cropped`, {
          cropping: [
            [operation.from, width - operation.to],
            [0, 0],
          ],
        }),
        layerJson('Flatten', name, {}),
      ];
    case 'concat':
      return [layerJson('Concatenate', name, { axis: -1 })];
    case 'add':
      return [layerJson('Add', name, {})];
  }
}

/**
 * The text that TensorFlow.js Layers itself writes as the topology of this network, without building the model:
 * equal plans give equal text in every process (Layers numbers layers by a counter of the process). A chain of layers is a
 * Sequential model, any other network a Functional one.
 */
export function topologyOf(plan: NetworkPlan): string {
  const { operations } = plan;
  const widthOf = (value: number): number => (value === 0 ? plan.inputs : operations[value - 1]!.outputs);
  const chain = operations.every(
    ({ kind, sources }, i) =>
      sources.length === 1 && sources[0] === i && kind !== 'columns' && kind !== 'embedding',
  );
  if (chain) {
    const layers = operations.flatMap((operation) => layersOf(operation, operation.outputs));
    Object.assign(layers[0]!.config, batchInputShape(plan.inputs));
    return JSON.stringify({ class_name: 'Sequential', config: { name: 'network', layers }, ...format });
  }
  const input = layerJson('InputLayer', 'input', { ...batchInputShape(plan.inputs), sparse: false });
  const layers: object[] = [{ ...input, name: 'input', inbound_nodes: [] }];
  /** Name of the layer that gives each value. */
  const givers = ['input'];
  for (const operation of operations) {
    let sources = operation.sources.map((source) => givers[source]!);
    for (const layer of layersOf(operation, widthOf(operation.sources[0]!))) {
      const name = layer.config['name'] as string;
      layers.push({ ...layer, name, inbound_nodes: [sources.map((source) => [source, 0, 0, {}])] });
      sources = [name];
    }
    givers.push(sources[0]!);
  }
  const config = {
    name: 'network',
    layers,
    input_layers: [['input', 0, 0]],
    output_layers: [[givers.at(-1), 0, 0]],
  };
  return JSON.stringify({ class_name: 'Functional', config, ...format });
}
