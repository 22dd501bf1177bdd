type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const glorot = { class_name: 'GlorotUniform', config: {} };
const orthogonal = { class_name: 'Orthogonal', config: {} };
const uniform = { class_name: 'RandomUniform', config: { minval: -0.05, maxval: 0.05 } };
const recurrent = { kernel_initializer: glorot, recurrent_initializer: orthogonal };
const separable = { depthwise_initializer: glorot, pointwise_initializer: glorot };

/** What a layer draws its weights by where its configuration says nothing: Keras's defaults. */
const drawn: Readonly<Record<string, Readonly<Record<string, Json>>>> = {
  Dense: { kernel_initializer: glorot },
  Conv1D: { kernel_initializer: glorot },
  Conv2D: { kernel_initializer: glorot },
  Conv2DTranspose: { kernel_initializer: glorot },
  DepthwiseConv2D: { depthwise_initializer: glorot },
  SeparableConv2D: separable,
  SimpleRNN: recurrent,
  GRU: recurrent,
  LSTM: recurrent,
  Embedding: { embeddings_initializer: uniform },
};

/** The topology with seeds of their own in all initialisers, so that its weights are the same whenever it is built. */
export function seededTopology(topology: Json, seed: () => number): Json {
  const walk = (value: unknown, key: string): unknown => {
    if (Array.isArray(value)) return value.map((item) => walk(item, ''));
    if (key.endsWith('_initializer')) return seeded(value, seed());
    if (!isObject(value)) return value;
    const { class_name: kind, config } = value;
    const standard = typeof kind === 'string' ? drawn[kind] : undefined;
    const whole =
      standard !== undefined && isObject(config) ? { ...value, config: filled(config, standard) } : value;
    return Object.fromEntries(Object.entries(whole).map(([name, item]) => [name, walk(item, name)]));
  };
  return walk(topology, '') as Json;
}

function filled(config: Json, standard: Readonly<Record<string, Json>>): Json {
  const missing = Object.entries(standard).filter(([name]) => (config[name] ?? null) === null);
  return { ...config, ...Object.fromEntries(missing) };
}

/** An initialiser, given as an object or by its name (glorot_uniform, glorotUniform, GlorotUniform). */
function seeded(value: unknown, seed: number): unknown {
  if (typeof value === 'string') {
    const name = value.replace(/(?:^|_)([a-z])/g, (_all, letter: string) => letter.toUpperCase());
    return { class_name: name, config: { seed } };
  }
  if (!isObject(value)) return value;
  const config = isObject(value['config']) ? value['config'] : {};
  return { ...value, config: { ...config, seed } };
}
