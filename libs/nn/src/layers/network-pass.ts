import { activationMath } from './activation.js';
import { denseMath } from './dense.js';
import { batchNormMath, layerNormMath } from './norms.js';
import { addMath, columnsMath, concatMath, dropoutMath, embeddingMath } from './wiring.js';
import type { NetworkPlan } from '../network-plan.js';
import type { Gradient, LayerMath, Pass } from './layer-math.js';
import type { Operation, OperationKind, OperationOf } from './operation.js';

/** Every kind of operation, with its mathematics. */
const mathOf: { [K in OperationKind]: LayerMath<OperationOf<K>> } = {
  dense: denseMath,
  activation: activationMath,
  dropout: dropoutMath,
  batch_norm: batchNormMath,
  layer_norm: layerNormMath,
  embedding: embeddingMath,
  columns: columnsMath,
  concat: concatMath,
  add: addMath,
};

function math(operation: Operation): LayerMath<Operation> {
  return mathOf[operation.kind];
}

/** What a forward pass leaves for the backward pass. */
export interface Trace<T> {
  /** values[0] is the input, values[i + 1] the result of operation i; the last one is before the last activation (logits). */
  values: T[];
  saved: T[][];
  moving: Map<number, T>;
}

/**
 * All operations on a batch. The activation of the last one is left out: losses take logits, and so does whoever predicts,
 * for `outputOf`.
 */
export function forwardPass<T>(plan: NetworkPlan, features: T, pass: Pass<T>): Trace<T> {
  const trace: Trace<T> = { values: [features], saved: [], moving: new Map() };
  const last = plan.operations.length - 1;
  for (const [i, operation] of plan.operations.entries()) {
    const planned = i === last && operation.kind === 'dense' ? linear(operation) : operation;
    const inputs = planned.sources.map((source) => trace.values[source]!);
    const { output, saved, moving } = math(planned).forward(planned, inputs, pass, i);
    trace.values.push(output);
    trace.saved.push(saved ?? []);
    for (const [place, value] of moving ?? []) trace.moving.set(place, value);
  }
  return trace;
}

/** Gradients of the trainable parameters, by place, from the gradient of the logits. */
export function backwardPass<T>(
  plan: NetworkPlan,
  trace: Trace<T>,
  gradient: T,
  pass: Pass<T>,
): Map<number, Gradient<T>> {
  const { operations } = plan;
  const learning = learningValues(plan);
  const arriving = new Map<number, T>([[operations.length, gradient]]);
  const gradients = new Map<number, Gradient<T>>();
  for (let i = operations.length - 1; i >= 0; i -= 1) {
    const operation = operations[i]!;
    const upstream = arriving.get(i + 1);
    if (upstream === undefined) continue;
    const planned = i === operations.length - 1 && operation.kind === 'dense' ? linear(operation) : operation;
    const result = math(planned).backward(
      planned,
      {
        inputs: planned.sources.map((source) => trace.values[source]!),
        output: trace.values[i + 1]!,
        saved: trace.saved[i]!,
        gradient: upstream,
        wanted: planned.sources.map((source) => learning[source]!),
      },
      pass,
      i,
    );
    for (const [place, value] of result.parameters ?? []) gradients.set(place, value);
    for (const [n, source] of planned.sources.entries()) {
      const share = result.sources[n];
      if (share === undefined || !learning[source]) continue;
      const before = arriving.get(source);
      arriving.set(source, before === undefined ? share : pass.algebra.add(before, share));
    }
  }
  return gradients;
}

/** Whether a value depends on a parameter: only then is its gradient needed. */
function learningValues({ operations }: NetworkPlan): boolean[] {
  const learning = [false];
  for (const operation of operations) {
    const own = 'kernel' in operation || 'gamma' in operation || 'table' in operation;
    learning.push(own || operation.sources.some((source) => learning[source]));
  }
  return learning;
}

function linear(operation: OperationOf<'dense'>): OperationOf<'dense'> {
  return operation.activation === 'linear' ? operation : { ...operation, activation: 'linear' };
}
