import { backwardPass, forwardPass } from '../layers/network-pass.js';
import { lossGraph } from '../losses.js';
import { matrixShape } from '../network-plan.js';
import {
  momentsOf,
  penaltiesOf,
  penalty,
  scalesGradients,
  stepScalars,
  updateParameters,
} from '../optimizers/update.js';
import { GraphBuilder } from './graph-builder.js';
import { encodeOnnxModel } from './onnx-model.js';
import type { Pass } from '../layers/layer-math.js';
import type { NetworkPlan } from '../network-plan.js';
import type { Loss } from '../spec/model-spec.js';
import type { OptimizerSpec } from '../spec/optimizer-spec.js';
import type { Precision } from './graph-builder.js';

/** Version of the graphs: grows where a change alters a bit of a result. */
export const graphVersion = 2;

/** What decides a training graph. */
export interface TrainingGraphSpec {
  plan: NetworkPlan;
  loss: Loss;
  optimizer: OptimizerSpec;
  /** Rows of a step, those that only fill a short batch up included. */
  batch: number;
  precision: Precision;
  /** Whether it takes `positives`, the weights of labels where they are there. */
  weighsPositives?: boolean;
  /** Fits that one graph does side by side, each with data of its own. Absent: 1. */
  folds?: number;
}

/** Numbers of a batch up to which copying them costs less than the operators that gather them in each step. */
const smallBatch = 2_048;

/** Numbers of features and targets that a step takes. */
export function numbersOfBatch({ plan, batch }: TrainingGraphSpec): number {
  return batch * (plan.inputs + plan.outputs);
}

/** Whether the rows of all steps of a run are gathered before its first step, which takes their room in memory. */
export function gathersAhead(spec: TrainingGraphSpec): boolean {
  return numbersOfBatch(spec) <= smallBatch;
}

/** What every name of a fit in a graph of several begins with: nothing where there is one. */
export function foldPrefix(folds: number, fold: number): string {
  return folds === 1 ? '' : `f${fold}_`;
}

/** A state that goes through the steps: a parameter or one of its moments. */
export interface TrainingState {
  /** Name of the input; the result is called `next_<name>`. */
  name: string;
  shape: [number, number];
  /** Place of the parameter in the plan; undefined for a moment. */
  parameter: number | undefined;
}

export interface TrainingGraph {
  model: Uint8Array;
  states: TrainingState[];
  /** Scan inputs of dropout masks (steps × batch × width), in the order of the plan. */
  masks: { name: string; width: number; rate: number }[];
  /** Inputs `scalar0` …, one number a step each. */
  scalars: number;
  /** Whether it takes `shares` and `counting`: means over a batch must leave its filling out. */
  countsRows: boolean;
  /** Whether it gives `penalty`, a number a step. */
  hasPenalty: boolean;
}

/**
 * A number of mini-batch steps as one ONNX graph (opset 18, plain operators): a Scan whose states are the parameters and moments. The
 * backward pass is derived by hand.
 *
 * Inputs: `features` (rows × inputs) and `targets` (rows × outputs; classes one-hot), where asked `positives` (1 × outputs), the states, and for each step
 * `indices` (steps × batch, int32), `factors` (steps × batch × 1), masks and scalars; where rows are counted, `shares`
 * (steps × 1 × batch) and `counting` (steps × batch × 1). Outputs: `next_` of each state, `report` (steps × batch × outputs) of
 * `lossGraph`, and `penalty`. The numbers of rows and steps are left open: one graph serves every fold, and any part of an epoch.
 *
 * With several `folds`, each has all of these under its `foldPrefix`; they share the number of steps. The operators of a fold are those of the
 * graph of one, so that its results are, to the bit.
 */
export function trainingGraph(spec: TrainingGraphSpec): TrainingGraph {
  const { plan, optimizer, batch, precision, folds = 1 } = spec;
  const states: TrainingState[] = plan.parameters.map((parameter, i) => ({
    name: `p${i}`,
    shape: matrixShape(parameter),
    parameter: i,
  }));
  for (const parameter of states.slice(0, plan.trainable)) {
    for (let m = 0; m < momentsOf(optimizer); m += 1)
      states.push({ name: `${parameter.name}m${m}`, shape: parameter.shape, parameter: undefined });
  }
  const masks = plan.operations.flatMap((op, i) =>
    op.kind === 'dropout' ? [{ name: `mask${i}`, width: op.outputs, rate: op.rate }] : [],
  );
  const scalars = stepScalars(optimizer, scalesGradients(optimizer, plan), 1, 1).length;
  const countsRows = plan.operations.some((op) => op.kind === 'batch_norm');
  const hasPenalty = penaltiesOf(plan).length > 0;
  const graph = { states, masks, scalars, countsRows, hasPenalty };
  const ahead = gathersAhead(spec);

  const outer = new GraphBuilder('fit', precision);
  const prefixes = Array.from({ length: folds }, (_, fold) => foldPrefix(folds, fold));
  const perStep: string[] = [];
  for (const prefix of prefixes) {
    outer.input(`${prefix}features`, [`${prefix}rows`, plan.inputs]);
    outer.input(`${prefix}targets`, [`${prefix}rows`, plan.outputs]);
    if (spec.weighsPositives === true) outer.input(`${prefix}positives`, [1, plan.outputs]);
    for (const { name, shape } of states) outer.input(`${prefix}${name}`, shape);
    const indices = outer.input(`${prefix}indices`, ['steps', batch], 'int32');
    if (ahead) {
      for (const data of ['features', 'targets'])
        perStep.push(outer.apply('Gather', [`${prefix}${data}`, indices]));
    } else perStep.push(indices);
    for (const { name, shape } of stepInputs(graph, batch))
      perStep.push(outer.input(`${prefix}${name}`, ['steps', ...shape]));
  }
  const each = (names: readonly string[]): string[] =>
    prefixes.flatMap((prefix) => names.map((name) => `${prefix}${name}`));
  const reports = hasPenalty ? ['report', 'penalty'] : ['report'];
  const results = [...each(states.map(({ name }) => `next_${name}`)), ...each(reports)];
  const body = { kind: 'graph', value: stepGraph(spec, graph, prefixes).build() } as const;
  outer.applyNamed('Scan', [...each(states.map(({ name }) => name)), ...perStep], results, {
    body,
    num_scan_inputs: { kind: 'int', value: perStep.length },
  });
  for (const prefix of prefixes)
    for (const { name, shape } of states) outer.output(`${prefix}next_${name}`, shape);
  for (const prefix of prefixes) {
    outer.output(`${prefix}report`, ['steps', batch, plan.outputs]);
    if (hasPenalty) outer.output(`${prefix}penalty`, ['steps', 1, 1]);
  }
  const model = encodeOnnxModel(outer.build(), { name: 'rookery-nn', version: String(graphVersion) });
  return { model, ...graph };
}

/** What the graph takes for each step beside the indices: numbers, with the shape of one step. */
function stepInputs(
  { masks, scalars, countsRows }: Omit<TrainingGraph, 'model'>,
  batch: number,
): { name: string; shape: number[] }[] {
  return [
    { name: 'factors', shape: [batch, 1] },
    ...(countsRows
      ? [
          { name: 'shares', shape: [1, batch] },
          { name: 'counting', shape: [batch, 1] },
        ]
      : []),
    ...masks.map(({ name, width }) => ({ name, shape: [batch, width] })),
    ...Array.from({ length: scalars }, (_, i) => ({ name: `scalar${i}`, shape: [] })),
  ];
}

/** The body of the Scan: one mini-batch of each fold. */
function stepGraph(
  spec: TrainingGraphSpec,
  graph: Omit<TrainingGraph, 'model'>,
  prefixes: readonly string[],
): GraphBuilder {
  const { batch, plan } = spec;
  const builder = new GraphBuilder('step', spec.precision);
  for (const prefix of prefixes)
    for (const { name, shape } of graph.states) builder.input(`step_${prefix}${name}`, shape);
  for (const prefix of prefixes) {
    if (gathersAhead(spec)) {
      builder.input(`step_${prefix}features`, [batch, plan.inputs]);
      builder.input(`step_${prefix}targets`, [batch, plan.outputs]);
    } else builder.input(`step_${prefix}indices`, [batch], 'int32');
    for (const { name, shape } of stepInputs(graph, batch)) builder.input(`step_${prefix}${name}`, shape);
  }
  const done = prefixes.map((prefix) => foldStep(builder, spec, graph, prefix));
  for (const { states } of done)
    for (const [i, { shape }] of graph.states.entries()) builder.output(states[i]!, shape);
  for (const { report, penalty: added } of done) {
    builder.output(report, [batch, plan.outputs]);
    if (added !== undefined) builder.output(added, [1, 1]);
  }
  return builder;
}

/** Forward pass, loss, backward pass and updates of one mini-batch of one fold; what it gives, by the names of the values. */
function foldStep(
  builder: GraphBuilder,
  spec: TrainingGraphSpec,
  graph: Omit<TrainingGraph, 'model'>,
  prefix: string,
): { states: string[]; report: string; penalty: string | undefined } {
  const { plan, loss, optimizer, batch } = spec;
  const { states, masks, countsRows } = graph;
  const own = (name: string): string => `step_${prefix}${name}`;
  const parameters = plan.parameters.map((_, i) => own(`p${i}`));
  const pass: Pass<string> = {
    algebra: builder,
    parameters,
    training: true,
    rows: batch,
    masks: new Map(masks.map(({ name }) => [Number(name.slice('mask'.length)), own(name)])),
    rowShares: own('shares'),
    counting: countsRows ? own('counting') : undefined,
  };

  // Values that the body does not make are those of the graph around it: the data is not copied.
  const rowsOf = (data: 'features' | 'targets'): string =>
    gathersAhead(spec) ? own(data) : builder.apply('Gather', [`${prefix}${data}`, own('indices')]);
  const [features, targets] = [rowsOf('features'), rowsOf('targets')];
  const trace = forwardPass(plan, features, pass);
  const logits = trace.values[plan.operations.length]!;
  const positives = spec.weighsPositives === true ? `${prefix}positives` : undefined;
  const { gradient, report } = lossGraph(builder, loss, logits, targets, own('factors'), positives);
  const added = penalty(builder, plan, parameters);
  const gradients = backwardPass(plan, trace, gradient, pass);
  const moments = plan.parameters
    .slice(0, plan.trainable)
    .map((_, i) => Array.from({ length: momentsOf(optimizer) }, (_unused, m) => own(`p${i}m${m}`)));
  const scalars = Array.from({ length: graph.scalars }, (_, i) => own(`scalar${i}`));
  const updated = updateParameters(builder, plan, optimizer, {
    parameters,
    gradients,
    moments,
    scalars,
    rows: batch,
  });

  const next = new Map<string, string>();
  for (const [place, { parameter, moments: moved }] of updated) {
    next.set(`p${place}`, parameter);
    for (const [m, moment] of moved.entries()) next.set(`p${place}m${m}`, moment);
  }
  for (const [place, value] of trace.moving) next.set(`p${place}`, value);
  return {
    // What nothing changes goes through: a graph's result must be made in it.
    states: states.map(({ name }) => next.get(name) ?? builder.apply('Identity', [own(name)])),
    // A result twice, or an input as a result, is not allowed either.
    report: report === logits ? builder.apply('Identity', [report]) : report,
    penalty: added,
  };
}

/** The forward pass of prediction, to the values before the last activation: `features` and the parameters `p0` … to `logits`. */
export function logitsGraph(plan: NetworkPlan, precision: Precision): Uint8Array {
  const builder = new GraphBuilder('predict', precision);
  const features = builder.input('features', ['rows', plan.inputs]);
  const parameters = plan.parameters.map((parameter, i) => builder.input(`p${i}`, matrixShape(parameter)));
  const trace = forwardPass<string>(plan, features, {
    algebra: builder,
    parameters,
    training: false,
    rows: 0,
    masks: new Map(),
    rowShares: '',
    counting: undefined,
  });
  builder.applyNamed('Identity', [trace.values[plan.operations.length]!], ['logits'], {});
  builder.output('logits', ['rows', plan.outputs]);
  return encodeOnnxModel(builder.build(), { name: 'rookery-nn', version: String(graphVersion) });
}
