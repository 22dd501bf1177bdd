import { NnError } from './nn-error.js';
import { activations, defaultSpec } from './model-spec.js';
import type { Activation, LayerSpec, ModelSpec, OptimizerSpec, Task } from './model-spec.js';

/** What the data decides about a network. */
export interface SpecContext {
  task: Task;
  /** Features after the transformer. */
  inputs: number;
  /** Classes, or the number of target columns. */
  outputs: number;
}

type Fields = Record<string, unknown>;

function refuse(field: string, problem: string, hint?: string): never {
  throw new NnError('RK_SPEC_INVALID', `The model's ${field} ${problem}.`, {
    details: { field },
    hint: hint ?? 'Correct the field, or leave it out for its default.',
  });
}

function fieldsOf(value: unknown, field: string, known: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse(field, 'must be an object');
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) {
      const path = field === 'spec' ? key : `${field}.${key}`;
      refuse(path, `is not known here; known are ${known.join(', ')}`, 'Check the spelling, or remove it.');
    }
  }
  return value as Fields;
}

interface Range {
  min: number;
  max: number;
  integer?: boolean;
  /** The ends themselves are not allowed. */
  open?: boolean;
}

function numberOf(
  value: unknown,
  field: string,
  fallback: number,
  { min, max, integer, open }: Range,
): number {
  if (value === undefined || value === null) return fallback;
  const fits =
    typeof value === 'number' &&
    Number.isFinite(value) &&
    (open === true ? value > min && value < max : value >= min && value <= max) &&
    (integer !== true || Number.isInteger(value));
  if (fits) return value;
  const kind = integer === true ? 'a whole number' : 'a number';
  return refuse(
    field,
    `must be ${kind} ${open === true ? 'between' : 'from'} ${min} ${open === true ? 'and' : 'to'} ${max}, not ${JSON.stringify(value)}`,
  );
}

function choiceOf<T extends string>(value: unknown, field: string, fallback: T, choices: readonly T[]): T {
  if (value === undefined || value === null) return fallback;
  if (choices.includes(value as T)) return value as T;
  return refuse(field, `must be one of ${choices.join(', ')}, not ${JSON.stringify(value)}`);
}

function layerOf(value: unknown, field: string, last: boolean, context: SpecContext): LayerSpec {
  const kind = choiceOf((value as Fields | null)?.['type'], `${field}.type`, 'dense', [
    'dense',
    'dropout',
    'batch_norm',
  ]);
  if (kind === 'dropout') {
    const fields = fieldsOf(value, field, ['type', 'rate']);
    return { type: 'dropout', rate: numberOf(fields['rate'], `${field}.rate`, 0.5, { min: 0, max: 0.95 }) };
  }
  if (kind === 'batch_norm') {
    const fields = fieldsOf(value, field, ['type', 'momentum', 'epsilon']);
    const unit = { min: 0, max: 1, open: true };
    return {
      type: 'batch_norm',
      momentum: numberOf(fields['momentum'], `${field}.momentum`, 0.99, unit),
      epsilon: numberOf(fields['epsilon'], `${field}.epsilon`, 1e-3, unit),
    };
  }
  const fields = fieldsOf(value, field, ['type', 'units', 'activation']);
  if (!last && (fields['units'] === undefined || fields['units'] === null))
    refuse(`${field}.units`, 'is missing');
  const units = numberOf(fields['units'], `${field}.units`, context.outputs, {
    min: 1,
    max: 65_536,
    integer: true,
  });
  const output: Activation = context.task === 'classification' ? 'softmax' : 'linear';
  const activation = choiceOf(
    fields['activation'],
    `${field}.activation`,
    last ? output : 'relu',
    activations,
  );
  if (last && units !== context.outputs) {
    const hint = 'Leave units out of the last layer: the data decides it.';
    refuse(`${field}.units`, `must be ${context.outputs} (the outputs of this data), not ${units}`, hint);
  }
  if (last && activation !== output)
    refuse(`${field}.activation`, `must be ${output} for ${context.task}, not ${activation}`);
  if (!last && activation === 'softmax')
    refuse(`${field}.activation`, 'can be softmax in the last layer only');
  return { type: 'dense', units, activation };
}

function layersOf(value: unknown, fallback: LayerSpec[], context: SpecContext): LayerSpec[] {
  if (value === undefined || value === null) return fallback;
  if (!Array.isArray(value) || value.length < 1 || value.length > 64)
    refuse('layers', 'must be a list of 1 to 64 layers');
  const layers = value.map((layer, i) => layerOf(layer, `layers[${i}]`, i === value.length - 1, context));
  const last = layers.length - 1;
  if (layers[last]!.type !== 'dense')
    refuse(`layers[${last}].type`, 'must be dense: the last layer makes the prediction');
  return layers;
}

const rate = { min: 0, max: 100, open: true };
const unit = { min: 0, max: 1, open: true };

function optimizerOf(value: unknown, fallback: OptimizerSpec): OptimizerSpec {
  if (value === undefined || value === null) return fallback;
  const given: unknown = typeof value === 'string' ? { type: value } : value;
  const kinds = ['sgd', 'momentum', 'rmsprop', 'adam'] as const;
  const all = ['type', 'learningRate', 'momentum', 'decay', 'beta1', 'beta2', 'epsilon'];
  const type = choiceOf(fieldsOf(given, 'optimizer', all)['type'], 'optimizer.type', 'sgd', kinds);
  const at = (name: string): string => `optimizer.${name}`;
  const fields = (...known: string[]): Fields =>
    fieldsOf(given, 'optimizer', ['type', 'learningRate', ...known]);
  const learning = (f: Fields, standard: number): number =>
    numberOf(f['learningRate'], at('learningRate'), standard, rate);
  if (type === 'sgd') return { type, learningRate: learning(fields(), 0.01) };
  if (type === 'momentum') {
    const f = fields('momentum');
    return {
      type,
      learningRate: learning(f, 0.01),
      momentum: numberOf(f['momentum'], at('momentum'), 0.9, unit),
    };
  }
  if (type === 'rmsprop') {
    const f = fields('decay', 'epsilon');
    const decay = numberOf(f['decay'], at('decay'), 0.9, unit);
    return {
      type,
      learningRate: learning(f, 0.001),
      decay,
      epsilon: numberOf(f['epsilon'], at('epsilon'), 1e-7, unit),
    };
  }
  const f = fields('beta1', 'beta2', 'epsilon');
  const beta1 = numberOf(f['beta1'], at('beta1'), 0.9, unit);
  const beta2 = numberOf(f['beta2'], at('beta2'), 0.999, unit);
  return {
    type,
    learningRate: learning(f, 0.001),
    beta1,
    beta2,
    epsilon: numberOf(f['epsilon'], at('epsilon'), 1e-7, unit),
  };
}

/**
 * A complete spec from JSON of any kind: what is left out takes its default (`defaultSpec`; Keras's for optimizers
 * and layers), `null` and `undefined` mean all of it. The units and activation of the last layer may be left out.
 *
 * RK_SPEC_INVALID names the first wrong field in `details.field`, for example `layers[1].units`; fields that are
 * not known are refused too, so that a misspelt one is not ignored.
 */
export function validateSpec(value: unknown, context: SpecContext): ModelSpec {
  const least = context.task === 'classification' ? 2 : 1;
  if (!Number.isInteger(context.inputs) || context.inputs < 1)
    refuse('inputs', `must be 1 or more, not ${context.inputs}`);
  if (!Number.isInteger(context.outputs) || context.outputs < least) {
    refuse('outputs', `must be ${least} or more for ${context.task}, not ${context.outputs}`);
  }
  const standard = defaultSpec(context.task, context.inputs, context.outputs);
  if (value === undefined || value === null) return standard;
  const fields = fieldsOf(value, 'spec', Object.keys(standard));
  const whole = (name: 'epochs' | 'batchSize', max: number): number =>
    numberOf(fields[name], name, standard[name], { min: 1, max, integer: true });
  return {
    task: choiceOf(fields['task'], 'task', standard.task, [standard.task]),
    layers: layersOf(fields['layers'], standard.layers, context),
    optimizer: optimizerOf(fields['optimizer'], standard.optimizer),
    loss: choiceOf(fields['loss'], 'loss', standard.loss, [standard.loss]),
    epochs: whole('epochs', 100_000),
    batchSize: whole('batchSize', 1_000_000),
    initializer: choiceOf(fields['initializer'], 'initializer', standard.initializer, [standard.initializer]),
    targetScaling: choiceOf(
      fields['targetScaling'],
      'targetScaling',
      standard.targetScaling,
      context.task === 'regression' ? (['standard', 'none'] as const) : (['none'] as const),
    ),
    seed: numberOf(fields['seed'], 'seed', standard.seed, {
      min: 0,
      max: Number.MAX_SAFE_INTEGER,
      integer: true,
    }),
  };
}
