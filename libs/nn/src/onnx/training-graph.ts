import { encodeOnnxModel } from './onnx-model.js';
import { GraphBuilder } from './graph-builder.js';
import { activationBackward, activationForward, denseForward, denseInputGradient } from './layer-graphs.js';
import { lossGraph } from './loss-graph.js';
import { momentsOf, stepSizeOf, updateGraph } from './optimizer-graph.js';
import type { NetworkPlan } from '../network-plan.js';
import type { Loss, OptimizerSpec } from '../model-spec.js';
import type { Precision } from './graph-builder.js';
import type { DenseGradient } from './layer-graphs.js';

/** Version of the graphs: grows where a change alters a bit of a result. */
export const graphVersion = 1;

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
  /** Whether there is an input `step_sizes`, one number a step. */
  hasStepSizes: boolean;
}

/**
 * A number of mini-batch steps as one ONNX graph (opset 18, plain operators): a Scan whose states are the parameters and moments. The
 * backward pass is derived by hand.
 *
 * Inputs: `features` (rows × inputs) and `targets` (rows × outputs; classes one-hot), the states, and for each step
 * `indices` (steps × batch, int32), `factors` (steps × batch × 1), masks and `step_sizes`. Outputs: `next_` of each state, and
 * `report` (steps × batch × outputs) of `lossGraph`. The numbers of rows and steps are left open: one graph serves every
 * fold, and any part of an epoch.
 */
export function trainingGraph(spec: TrainingGraphSpec): TrainingGraph {
  const { plan, optimizer, batch, precision } = spec;
  const states: TrainingState[] = [];
  for (let i = 0; i < plan.trainable; i += 1) {
    const shape = plan.parameters[i]!.shape;
    // A bias is a 1 × n matrix: its gradient is then a product too.
    const matrix: [number, number] = shape.length === 1 ? [1, shape[0]!] : [shape[0]!, shape[1]!];
    states.push({ name: `p${i}`, shape: matrix, parameter: i });
  }
  for (const parameter of states.slice()) {
    for (let m = 0; m < momentsOf(optimizer); m += 1)
      states.push({ name: `${parameter.name}m${m}`, shape: parameter.shape, parameter: undefined });
  }
  const masks = plan.operations.flatMap((op, i) =>
    op.kind === 'dropout' ? [{ name: `mask${i}`, width: op.width, rate: op.rate }] : [],
  );
  const hasStepSizes = stepSizeOf(optimizer, 1) !== undefined;

  const outer = new GraphBuilder('fit', precision);
  outer.input('features', ['rows', plan.inputs]);
  outer.input('targets', ['rows', plan.outputs]);
  for (const { name, shape } of states) outer.input(name, shape);
  outer.input('indices', ['steps', batch], 'int32');
  outer.input('factors', ['steps', batch, 1]);
  for (const { name, width } of masks) outer.input(name, ['steps', batch, width]);
  if (hasStepSizes) outer.input('step_sizes', ['steps']);
  const perStep = ['indices', 'factors', ...masks.map(({ name }) => name)];
  if (hasStepSizes) perStep.push('step_sizes');
  const results = [...states.map(({ name }) => `next_${name}`), 'report'];
  const body = { kind: 'graph', value: stepGraph(spec, states, masks, hasStepSizes).build() } as const;
  outer.applyNamed('Scan', [...states.map(({ name }) => name), ...perStep], results, {
    body,
    num_scan_inputs: { kind: 'int', value: perStep.length },
  });
  for (const { name, shape } of states) outer.output(`next_${name}`, shape);
  outer.output('report', ['steps', batch, plan.outputs]);
  const model = encodeOnnxModel(outer.build(), { name: 'rookery-nn', version: String(graphVersion) });
  return { model, states, masks, hasStepSizes };
}

/** The body of the Scan: forward pass, loss, backward pass and updates of one mini-batch. */
function stepGraph(
  { plan, loss, optimizer, batch, precision }: TrainingGraphSpec,
  states: readonly TrainingState[],
  masks: TrainingGraph['masks'],
  hasStepSizes: boolean,
): GraphBuilder {
  const graph = new GraphBuilder('step', precision);
  for (const { name, shape } of states) graph.input(`step_${name}`, shape);
  const indices = graph.input('step_indices', [batch], 'int32');
  const factors = graph.input('step_factors', [batch, 1]);
  for (const { name, width } of masks) graph.input(`step_${name}`, [batch, width]);
  const stepSize = hasStepSizes ? graph.input('step_size', []) : undefined;
  const parameter = (i: number): string => `step_p${i}`;

  // Values that the body does not make are those of the graph around it: the data is not copied.
  const values = [graph.apply('Gather', ['features', indices])];
  const targets = graph.apply('Gather', ['targets', indices]);
  const last = plan.operations.length - 1;
  for (const [i, op] of plan.operations.entries()) {
    const input = values[i]!;
    if (op.kind === 'dense') {
      const sum = denseForward(graph, input, parameter(op.kernel), parameter(op.bias));
      // The loss takes logits: the last activation is part of it.
      values.push(i === last ? sum : activationForward(graph, sum, op.activation));
    } else if (op.kind === 'dropout') {
      values.push(graph.multiply(input, `step_mask${i}`));
    } else {
      throw new Error(`There is no graph for ${op.kind}.`);
    }
  }

  const { gradient: output, report } = lossGraph(graph, loss, values[last + 1]!, targets, factors);
  const gradients = new Map<number, DenseGradient & { bias: boolean }>();
  let gradient = output;
  for (let i = last; i >= 0; i -= 1) {
    const op = plan.operations[i]!;
    if (op.kind === 'dense') {
      if (i < last) gradient = activationBackward(graph, gradient, values[i + 1]!, op.activation);
      gradients.set(op.kernel, { input: values[i]!, output: gradient, bias: false });
      gradients.set(op.bias, { input: graph.ones(batch), output: gradient, bias: true });
      if (op.kernel === 0) break;
      gradient = denseInputGradient(graph, gradient, parameter(op.kernel));
    } else {
      gradient = graph.multiply(gradient, `step_mask${i}`);
    }
  }

  const next = new Map<string, string>();
  for (const [i, { input, output: right, bias }] of gradients) {
    const moments = Array.from({ length: momentsOf(optimizer) }, (_, m) => `p${i}m${m}`);
    const updated = updateGraph(graph, optimizer, {
      parameter: parameter(i),
      moments: moments.map((name) => `step_${name}`),
      left: input,
      transpose: !bias,
      right,
      stepSize,
    });
    next.set(`p${i}`, updated.parameter);
    for (const [m, name] of moments.entries()) next.set(name, updated.moments[m]!);
  }
  for (const { name, shape } of states) graph.output(next.get(name)!, shape);
  graph.output(report, [batch, plan.outputs]);
  return graph;
}
