import { keptTopology } from '../layers-api/kept-topology.js';
import { planFromTopology } from '../topology/topology-plan.js';
import { planNetwork, sizeOf, trainableSize } from '../network-plan.js';
import { embeddingsOf } from './embedding-validation.js';
import { layersOf } from './layer-validation.js';
import { defaultSpec, initializers, lossesOf, outputActivations } from './model-spec.js';
import { optimizerOf } from './optimizer-validation.js';
import { limits, modelFields, monitors, mostWeights } from './spec-limits.js';
import { absent, choiceOf, fieldsOf, flagOf, numberOf, numbersOf, refuse } from './spec-fields.js';
import type { Range } from './spec-fields.js';
import type { NetworkPlan } from '../network-plan.js';
import type { EarlyStoppingSpec, EmbeddingSpec, GivenModel, Loss, ModelSpec, Task } from './model-spec.js';

/** A column of the data set among the inputs. */
export interface InputFeature {
  name: string;
  /** First input and the one after the last. */
  from: number;
  to: number;
  categorical: boolean;
  /** Codes, where it is one input of codes; absent for one-hot inputs and numbers. */
  vocabulary?: number;
}

/** What the data decides about a network. */
export interface SpecContext {
  task: Task;
  /** Features after the transformer. */
  inputs: number;
  /** Classes, labels, or the number of target columns. */
  outputs: number;
  /** Names for `embeddings[].feature`. */
  features?: readonly InputFeature[];
  /** Names of the classes or labels, for `classWeights` and `positiveWeights` by name. */
  labels?: readonly string[];
}

/** Most trainable numbers: 200 MB with Adam's moments and gradients, and what one artifact can bear. */
const mostParameters = 12_000_000;

/** `$schema` names the schema to an editor. */
const optional = [
  '$schema',
  'model',
  'embeddings',
  'classWeights',
  'positiveWeights',
  'validationSplit',
  'earlyStopping',
];

/**
 * A complete spec from JSON of any kind: what is left out takes its default (`defaultSpec`; Keras's for optimizers
 * and layers), `null` and `undefined` mean all of it. The units and activation of the last layer may be left out. A complete
 * spec is itself, but for embeddings by name, whose columns are those of the data at hand.
 *
 * RK_SPEC_INVALID names the first wrong field in `details.field`, for example `layers[1].units`; fields that are
 * not known are refused too, so that a misspelt one is not ignored.
 */
export function validateSpec(value: unknown, context: SpecContext): ModelSpec {
  const { task, inputs, outputs } = context;
  const least = task === 'classification' ? 2 : 1;
  if (!Number.isInteger(inputs) || inputs < 1) refuse('inputs', `must be 1 or more, not ${inputs}`);
  if (!Number.isInteger(outputs) || outputs < least)
    refuse('outputs', `must be ${least} or more for ${task}, not ${outputs}`);
  const standard = defaultSpec(task, inputs, outputs);
  if (absent(value)) return standard;
  const fields = fieldsOf(value, 'spec', [...Object.keys(standard), ...optional]);
  const whole = (name: 'epochs' | 'batchSize' | 'seed'): number =>
    numberOf(fields[name], name, standard[name], limits[name]);
  if (!absent(fields['$schema']) && typeof fields['$schema'] !== 'string')
    refuse('$schema', 'must be the name of a JSON Schema');
  choiceOf(fields['task'], 'task', task, [task]);
  const model = modelOf(fields['model'], fields['layers'], context);
  const embeddings = model ? [] : embeddingsOf(fields['embeddings'], context);
  if (model && !absent(fields['embeddings'])) refuse('embeddings', 'can not stand beside model');
  const layers = model
    ? []
    : layersOf(fields['layers'], standard.layers, context, widthOf(embeddings, inputs));
  if (!model) checkSize(planNetwork(layers, inputs, embeddings), 'layers');
  const classWeights = classWeightsOf(fields['classWeights'], context);
  const positiveWeights = positiveWeightsOf(fields['positiveWeights'], context);
  const validationSplit = numberOf(fields['validationSplit'], 'validationSplit', 0, limits.validationSplit);
  const earlyStopping = earlyStoppingOf(fields['earlyStopping'], validationSplit);
  return {
    task,
    layers,
    ...(model && { model }),
    ...(embeddings.length > 0 && { embeddings }),
    optimizer: optimizerOf(fields['optimizer'], standard.optimizer),
    loss: choiceOf<Loss>(fields['loss'], 'loss', standard.loss, lossesOf[task]),
    ...(classWeights && { classWeights }),
    ...(positiveWeights && { positiveWeights }),
    epochs: whole('epochs'),
    batchSize: whole('batchSize'),
    ...(validationSplit > 0 && { validationSplit }),
    ...(earlyStopping && { earlyStopping }),
    initializer: choiceOf(fields['initializer'], 'initializer', standard.initializer, initializers),
    targetScaling: choiceOf(
      fields['targetScaling'],
      'targetScaling',
      standard.targetScaling,
      task === 'regression' ? (['standard', 'none'] as const) : (['none'] as const),
    ),
    seed: whole('seed'),
  };
}

/** Columns that reach the first layer. */
function widthOf(embeddings: readonly EmbeddingSpec[], inputs: number): number {
  return embeddings.reduce(
    (sum, { columns, dimension }) => sum - (columns[1] - columns[0]) + dimension,
    inputs,
  );
}

function checkSize(plan: NetworkPlan, field: string): void {
  const size = trainableSize(plan);
  if (size <= mostParameters) return;
  refuse(field, `have ${size} parameters, more than the ${mostParameters} allowed`, 'Use fewer units.');
}

function earlyStoppingOf(value: unknown, validationSplit: number): EarlyStoppingSpec | undefined {
  if (absent(value)) return undefined;
  const known = ['monitor', 'patience', 'minDelta', 'restoreBest', 'startFromEpoch'];
  const fields = fieldsOf(value, 'earlyStopping', known);
  const at = (name: string): string => `earlyStopping.${name}`;
  const monitor = choiceOf(
    fields['monitor'],
    at('monitor'),
    validationSplit > 0 ? 'val_loss' : 'loss',
    monitors,
  );
  if (monitor.startsWith('val_') && validationSplit === 0)
    refuse(at('monitor'), `is ${monitor}, which needs a validationSplit above 0`);
  const epochs = limits.stoppingEpochs;
  return {
    monitor,
    patience: numberOf(fields['patience'], at('patience'), 10, epochs),
    minDelta: numberOf(fields['minDelta'], at('minDelta'), 0, limits.minDelta),
    restoreBest: flagOf(fields['restoreBest'], at('restoreBest'), true),
    startFromEpoch: numberOf(fields['startFromEpoch'], at('startFromEpoch'), 0, epochs),
  };
}

function classWeightsOf(value: unknown, context: SpecContext): ModelSpec['classWeights'] {
  if (absent(value)) return undefined;
  if (context.task !== 'classification') {
    const hint =
      context.task === 'multilabel' ? 'Weigh the rows that have a label by positiveWeights.' : undefined;
    return refuse('classWeights', `are for classification, not for ${context.task}`, hint);
  }
  return weightsByName('classWeights', value, context, ['class', 'classes'], limits.classWeight);
}

function positiveWeightsOf(value: unknown, context: SpecContext): ModelSpec['positiveWeights'] {
  if (absent(value)) return undefined;
  if (context.task !== 'multilabel')
    return refuse('positiveWeights', `are for multilabel, not for ${context.task}`);
  return weightsByName('positiveWeights', value, context, ['label', 'labels'], limits.positiveWeight);
}

function weightsByName(
  field: 'classWeights' | 'positiveWeights',
  value: unknown,
  { outputs, labels }: SpecContext,
  [one, many]: readonly [string, string],
  range: Range,
): 'balanced' | number[] {
  if (value === 'balanced') return 'balanced';
  if (typeof value === 'object' && !Array.isArray(value)) {
    if (labels === undefined)
      return refuse(field, `must be balanced or a list: the ${many} have no names here`);
    const byLabel = fieldsOf(value, field, labels);
    return labels.map((label) => numberOf(byLabel[label], `${field}.${label}`, 1, range));
  }
  if (!Array.isArray(value))
    return refuse(field, `must be balanced, a list, or an object of weights by ${one}`);
  const weights = numbersOf(value, field, range);
  if (weights.length !== outputs)
    refuse(field, `must be ${outputs} numbers, one for each ${one}, not ${weights.length}`);
  return weights;
}

function modelOf(value: unknown, layers: unknown, context: SpecContext): GivenModel | undefined {
  if (absent(value)) return undefined;
  // A complete specification has the empty list beside the model.
  if (!absent(layers) && !(Array.isArray(layers) && layers.length === 0))
    refuse('layers', 'can not stand beside model: give one of them');
  const fields = fieldsOf(value, 'model', modelFields);
  const topology = topologyIn(fields);
  const result = planFromTopology(topology, context.inputs);
  const field = 'model.topology';
  const { weights } = fields;
  if (!absent(weights) && (typeof weights !== 'string' || weights.length > mostWeights))
    return refuse('model.weights', `must be base64 text of at most ${mostWeights} characters`);
  if (result.plan === undefined) {
    // Beyond the algebra: TensorFlow.js's own Layers may have it. Its shapes and weights are checked when it is built.
    const kept = keptTopology(topology, context);
    const hint = 'Use one input, one output, and the layers that docs/contracts/model-spec.md lists.';
    if (kept.unsupported !== undefined)
      return refuse(field, `holds ${kept.unsupported}, which can not be trained here`, hint);
    return { topology, ...(absent(weights) ? {} : { weights: weights }) };
  }
  const { plan } = result;
  if (plan.inputs !== context.inputs) {
    const hint = 'Leave the width of the input open (null): the data decides it.';
    refuse(field, `takes ${plan.inputs} inputs where the data has ${context.inputs}`, hint);
  }
  if (plan.outputs !== context.outputs)
    refuse(field, `gives ${plan.outputs} outputs where the data needs ${context.outputs}`);
  const last = plan.operations.at(-1)!;
  const wanted = outputActivations[context.task];
  if (last.kind !== 'dense' || last.activation !== wanted || last.bias < 0)
    refuse(field, `must end in a dense layer with a bias and the activation ${wanted} for ${context.task}`);
  for (const operation of plan.operations.slice(0, -1))
    if ('activation' in operation && operation.activation === 'softmax')
      refuse(field, `has a softmax in ${operation.name}, which can stand in the last layer only`);
  checkSize(plan, field);
  if (absent(weights)) return { topology };
  const numbers = plan.parameters.reduce((sum, parameter) => sum + sizeOf(parameter), 0);
  const bytes = Buffer.from(weights, 'base64').length;
  if (bytes !== numbers * 4)
    refuse(
      'model.weights',
      `must be the ${numbers * 4} bytes of the topology's ${numbers} float32 numbers, not ${bytes}`,
    );
  return { topology, weights: weights };
}

/** A model.json of TensorFlow.js, what Keras's to_json gives, or our own form. */
function topologyIn(fields: Record<string, unknown>): Record<string, unknown> {
  const found =
    fields['topology'] ?? fields['modelTopology'] ?? (absent(fields['class_name']) ? undefined : fields);
  const inner = (found as { model_config?: unknown } | undefined)?.model_config ?? found;
  if (typeof inner !== 'object' || inner === null || Array.isArray(inner))
    return refuse('model.topology', 'must be the JSON of a Keras or TensorFlow.js Layers model');
  return inner as Record<string, unknown>;
}
