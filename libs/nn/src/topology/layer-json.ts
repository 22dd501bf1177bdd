/** A layer as model.json has it. */
export interface LayerJson {
  class_name: string;
  config: Record<string, unknown>;
}

const initializer = (name: string): LayerJson => ({ class_name: name, config: {} });

const glorotUniform = {
  class_name: 'VarianceScaling',
  config: { scale: 1, mode: 'fan_avg', distribution: 'uniform', seed: null },
};

/** Fields that a kind of layer always has, in the order in which TensorFlow.js writes them; after those that are given. */
const fixed: Record<string, Record<string, unknown>> = {
  Dense: {
    kernel_initializer: glorotUniform,
    bias_initializer: initializer('Zeros'),
    kernel_regularizer: null,
    bias_regularizer: null,
    activity_regularizer: null,
    kernel_constraint: null,
    bias_constraint: null,
  },
  BatchNormalization: {
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
  },
  LayerNormalization: {
    center: true,
    scale: true,
    beta_initializer: initializer('Zeros'),
    gamma_initializer: initializer('Ones'),
    beta_regularizer: null,
    gamma_regularizer: null,
  },
  Embedding: {
    embeddings_initializer: {
      class_name: 'RandomUniform',
      config: { minval: -0.05, maxval: 0.05, seed: null },
    },
    embeddings_regularizer: null,
    activity_regularizer: null,
    embeddings_constraint: null,
    mask_zero: false,
    input_length: null,
  },
  Cropping2D: { data_format: 'channels_last' },
  Flatten: { data_format: 'channels_last' },
};

/** A whole layer from the fields that differ. */
export function layerJson(kind: string, name: string, config: Record<string, unknown>): LayerJson {
  const axis = { BatchNormalization: { axis: -1 }, LayerNormalization: { axis: [-1] } }[kind];
  const trainable = kind === 'InputLayer' ? {} : { trainable: true };
  return { class_name: kind, config: { ...axis, ...config, ...fixed[kind], name, ...trainable } };
}

/** The fields of the first layer. */
export function batchInputShape(inputs: number): Record<string, unknown> {
  return { batch_input_shape: [null, inputs], dtype: 'float32' };
}
