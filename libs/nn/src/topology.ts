import { NnError } from './nn-error.js';
import { activations } from './model-spec.js';
import { planNetwork } from './network-plan.js';
import type { NetworkPlan, Operation } from './network-plan.js';
import type { Activation, LayerSpec } from './model-spec.js';

interface LayerJson {
  class_name: string;
  config: Record<string, unknown>;
}

const initializer = (name: string): LayerJson => ({ class_name: name, config: {} });

function layerJson(operation: Operation): LayerJson {
  const { name } = operation;
  if (operation.kind === 'dropout') {
    return {
      class_name: 'Dropout',
      config: { rate: operation.rate, noise_shape: null, seed: null, name, trainable: true },
    };
  }
  if (operation.kind === 'batch_norm') {
    return {
      class_name: 'BatchNormalization',
      config: {
        axis: -1,
        momentum: operation.momentum,
        epsilon: operation.epsilon,
        center: true,
        scale: true,
        beta_initializer: initializer('Zeros'),
        gamma_initializer: initializer('Ones'),
        moving_mean_initializer: initializer('Zeros'),
        moving_variance_initializer: initializer('Ones'),
        beta_regularizer: null,
        gamma_regularizer: null,
        beta_constraint: null,
        gamma_constraint: null,
        name,
        trainable: true,
      },
    };
  }
  return {
    class_name: 'Dense',
    config: {
      units: operation.outputs,
      activation: operation.activation,
      use_bias: true,
      kernel_initializer: {
        class_name: 'VarianceScaling',
        config: { scale: 1, mode: 'fan_avg', distribution: 'uniform', seed: null },
      },
      bias_initializer: initializer('Zeros'),
      kernel_regularizer: null,
      bias_regularizer: null,
      activity_regularizer: null,
      kernel_constraint: null,
      bias_constraint: null,
      name,
      trainable: true,
    },
  };
}

/**
 * The text that TensorFlow.js Layers itself writes as the topology of this network, without building the model:
 * equal plans give equal text in every process (Layers numbers layers by a counter of the process).
 */
export function topologyOf(plan: NetworkPlan): string {
  const layers = plan.operations.map(layerJson);
  Object.assign(layers[0]!.config, { batch_input_shape: [null, plan.inputs], dtype: 'float32' });
  const config = { name: 'network', layers };
  return JSON.stringify({
    class_name: 'Sequential',
    config,
    keras_version: 'tfjs-layers 4.22.0',
    backend: 'tensor_flow.js',
  });
}

/**
 * The plan of a Sequential topology of dense, dropout and batch-norm layers, or undefined where it holds anything
 * else. Names of the layers are not kept: parameters are matched by their order.
 */
export function planFromTopology(topology: string): NetworkPlan | undefined {
  const parsed = parseTopology(topology);
  const found = parsed.class_name === 'Sequential' ? parsed.config?.layers : undefined;
  if (!Array.isArray(found)) return undefined;
  const layers: LayerSpec[] = [];
  let inputs: number | undefined;
  for (const { class_name: kind, config } of found as LayerJson[]) {
    const shape = config['batch_input_shape'];
    if (Array.isArray(shape) && shape.length !== 2) return undefined;
    if (Array.isArray(shape) && inputs === undefined) inputs = Number(shape[1]);
    if (kind === 'InputLayer') continue;
    const activation = (config['activation'] ?? 'linear') as Activation;
    if (kind === 'Dense' && config['use_bias'] !== false && activations.includes(activation)) {
      layers.push({ type: 'dense', units: Number(config['units']), activation });
    } else if (kind === 'Dropout') {
      layers.push({ type: 'dropout', rate: Number(config['rate']) });
    } else if (kind === 'BatchNormalization' && config['center'] === true && config['scale'] === true) {
      layers.push({
        type: 'batch_norm',
        momentum: Number(config['momentum']),
        epsilon: Number(config['epsilon']),
      });
    } else {
      return undefined;
    }
  }
  if (inputs === undefined || layers.length === 0) return undefined;
  return planNetwork(layers, inputs);
}

/** The topology as an object, or RK_MODEL_CORRUPT where it is not JSON. */
export function parseTopology(topology: string): { class_name?: string; config?: { layers?: unknown } } {
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
