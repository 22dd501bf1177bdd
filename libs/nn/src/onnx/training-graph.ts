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
 * Inputs: `features` (rows × inputs) and `targets` (rows × outputs; classes one-hot), the states, and for each step
 * `indices` (steps × batch, int32), `factors` (steps × batch × 1), masks and scalars; where rows are counted, `shares`
 * (steps × 1 × batch) and `counting` (steps × batch × 1). Outputs: `next_` of each state, `report` (steps × batch × outputs) of
 * `lossGraph`, and `penalty`. The numbers of rows and steps are left open: one graph serves every fold, and any part of an epoch.
 */
export function trainingGraph(spec: TrainingGraphSpec): TrainingGraph {
  const { plan, optimizer, batch, precision } = spec;
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

  const outer = new GraphBuilder('fit', precision);
  outer.input('features', ['rows', plan.inputs]);
  outer.input('targets', ['rows', plan.outputs]);
  for (const { name, shape } of states) outer.input(name, shape);
  outer.input('indices', ['steps', batch], 'int32');
  const perStep = ['indices'];
  for (const { name, shape } of stepInputs(graph, batch)) {
    outer.input(name, ['steps', ...shape]);
    perStep.push(name);
  }
  const results = [...states.map(({ name }) => `next_${name}`), 'report', ...(hasPenalty ? ['penalty'] : [])];
  const body = { kind: 'graph', value: stepGraph(spec, graph).build() } as const;
  outer.applyNamed('Scan', [...states.map(({ name }) => name), ...perStep], results, {
    body,
    num_scan_inputs: { kind: 'int', value: perStep.length },
  });
  for (const { name, shape } of states) outer.output(`next_${name}`, shape);
  outer.output('report', ['steps', batch, plan.outputs]);
  if (hasPenalty) outer.output('penalty', ['steps', 1, 1]);
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

/** The body of the Scan: forward pass, loss, backward pass and updates of one mini-batch. */
function stepGraph(
  { plan, loss, optimizer, batch, precision }: TrainingGraphSpec,
  graph: Omit<TrainingGraph, 'model'>,
): GraphBuilder {
  const { states, masks, countsRows } = graph;
  const builder = new GraphBuilder('step', precision);
  for (const { name, shape } of states) builder.input(`step_${name}`, shape);
  const indices = builder.input('step_indices', [batch], 'int32');
  for (const { name, shape } of stepInputs(graph, batch)) builder.input(`step_${name}`, shape);
  const parameters = plan.parameters.map((_, i) => `step_p${i}`);
  const pass: Pass<string> = {
    algebra: builder,
    parameters,
    training: true,
    rows: batch,
    masks: new Map(masks.map(({ name }) => [Number(name.slice('mask'.length)), `step_${name}`])),
    rowShares: 'step_shares',
    counting: countsRows ? 'step_counting' : undefined,
  };

  // Values that the body does not make are those of the graph around it: the data is not copied.
  const features = builder.apply('Gather', ['features', indices]);
  const targets = builder.apply('Gather', ['targets', indices]);
  const trace = forwardPass(plan, features, pass);
  const logits = trace.values[plan.operations.length]!;
  const { gradient, report } = lossGraph(builder, loss, logits, targets, 'step_factors');
  const added = penalty(builder, plan, parameters);
  const gradients = backwardPass(plan, trace, gradient, pass);
  const moments = plan.parameters
    .slice(0, plan.trainable)
    .map((_, i) => Array.from({ length: momentsOf(optimizer) }, (_unused, m): string => `step_p${i}m${m}`));
  const scalars = Array.from({ length: graph.scalars }, (_, i) => `step_scalar${i}`);
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
  for (const { name, shape } of states) {
    // What nothing changes goes through: a graph's result must be made in it.
    builder.output(next.get(name) ?? builder.apply('Identity', [`step_${name}`]), shape);
  }
  // A result twice, or an input as a result, is not allowed either.
  const reported = report === logits ? builder.apply('Identity', [report]) : report;
  builder.output(reported, [batch, plan.outputs]);
  if (added !== undefined) builder.output(added, [1, 1]);
  return builder;
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
