/** A layer of a topology, whoever wrote it. */
export interface TopologyLayer {
  kind: string;
  name: string;
  config: Record<string, unknown>;
  /** As it stands there. */
  inbound: unknown;
}

/** Name under which the input feeds a Sequential model without an input layer. */
export const networkInput = '';

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function configOf(topology: object): Json | undefined {
  const { config } = topology as { config?: unknown };
  return isObject(config) ? config : undefined;
}

/** The layers of a Sequential or Functional model in their order; undefined for anything else. */
export function layersOf(topology: object): TopologyLayer[] | undefined {
  const kind = (topology as { class_name?: unknown }).class_name;
  if (kind !== 'Sequential' && kind !== 'Functional' && kind !== 'Model') return undefined;
  const found = configOf(topology)?.['layers'];
  if (!Array.isArray(found) || found.length === 0 || !found.every(isObject)) return undefined;
  return found.map((layer, i) => {
    const config = isObject(layer['config']) ? layer['config'] : {};
    const names = [config['name'], layer['name']].filter((name) => typeof name === 'string');
    const name = names[0] ?? `layer_${i}`;
    return { kind: String(layer['class_name']), name, config, inbound: layer['inbound_nodes'] };
  });
}

/** Columns of the only input, where the topology says. */
export function inputWidthOf(layers: readonly TopologyLayer[]): number | undefined {
  for (const { config } of layers) {
    const shape = config['batch_input_shape'] ?? config['batch_shape'];
    if (Array.isArray(shape) && shape.length === 2 && Number.isInteger(shape[1])) return Number(shape[1]);
  }
  return undefined;
}

/** Who feeds whom: names of a layer's sources (undefined where it has none), and the name of the layer that answers. */
export function connectionsOf(
  topology: object,
  layers: readonly TopologyLayer[],
): { sourcesOf: (layer: TopologyLayer) => string[] | undefined; output: string } {
  const outputs = configOf(topology)?.['output_layers'];
  if (!Array.isArray(outputs)) {
    const before = new Map(layers.map((layer, i) => [layer.name, i === 0 ? undefined : layers[i - 1]!.name]));
    return {
      sourcesOf(layer) {
        const source = before.get(layer.name);
        if (source !== undefined) return [source];
        // The first layer of a Sequential model may carry the shape of its input.
        return layer.kind === 'InputLayer' ? undefined : [networkInput];
      },
      output: layers.at(-1)!.name,
    };
  }
  return { sourcesOf: ({ inbound }) => namesIn(inbound), output: namesIn([outputs])?.[0] ?? '' };
}

/** Names in the inbound nodes of Keras 2 and TensorFlow.js (lists of [name, node, tensor]) and of Keras 3 (keras_history). */
function namesIn(inbound: unknown): string[] | undefined {
  const names: string[] = [];
  const walk = (value: unknown): void => {
    if (Array.isArray(value)) {
      if (typeof value[0] === 'string' && typeof value[1] === 'number') names.push(value[0]);
      else for (const item of value) walk(item);
    } else if (isObject(value)) {
      const history = (value['config'] as Json | undefined)?.['keras_history'];
      if (history === undefined) walk(value['args']);
      else walk(history);
    }
  };
  walk(inbound);
  return names.length === 0 ? undefined : names;
}
