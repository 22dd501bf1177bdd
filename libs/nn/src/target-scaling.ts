import { lastDense } from './network-plan.js';
import type { NetworkPlan } from './network-plan.js';

/** Mean and population standard deviation of each output's training targets; a constant target has deviation 1. */
export interface TargetScaling {
  means: Float64Array;
  deviations: Float64Array;
}

/** Fits the scaling to rows × outputs targets. */
export function fitTargetScaling(targets: Float32Array, outputs: number): TargetScaling {
  const rows = targets.length / outputs;
  const means = new Float64Array(outputs);
  const deviations = new Float64Array(outputs);
  for (let i = 0; i < targets.length; i += 1) means[i % outputs] = means[i % outputs]! + targets[i]! / rows;
  for (let i = 0; i < targets.length; i += 1) {
    const j = i % outputs;
    deviations[j] = deviations[j]! + (targets[i]! - means[j]!) ** 2 / rows;
  }
  for (let j = 0; j < outputs; j += 1) deviations[j] = Math.sqrt(deviations[j]!) || 1;
  return { means, deviations };
}

/** (target − mean) / deviation. */
export function scaleTargets(targets: Float32Array, { means, deviations }: TargetScaling): Float32Array {
  const outputs = means.length;
  return targets.map((target, i) => (target - means[i % outputs]!) / deviations[i % outputs]!);
}

/** Folds the inverse into the last, linear dense layer, so that the network answers in the target's own unit. */
export function foldScaling(
  plan: NetworkPlan,
  parameters: Float32Array[],
  { means, deviations }: TargetScaling,
): void {
  const { kernel, bias } = lastDense(plan);
  const outputs = means.length;
  const weights = parameters[kernel]!;
  const offsets = parameters[bias]!;
  for (let i = 0; i < weights.length; i += 1) weights[i] = weights[i]! * deviations[i % outputs]!;
  for (let j = 0; j < outputs; j += 1) offsets[j] = offsets[j]! * deviations[j]! + means[j]!;
}

/** The inverse of `foldScaling`: a fitted model's weights as a start on scaled targets. */
export function unfoldScaling(plan: NetworkPlan, parameters: Float32Array[], scaling: TargetScaling): void {
  const { kernel, bias } = lastDense(plan);
  const { means, deviations } = scaling;
  const outputs = means.length;
  const weights = parameters[kernel]!;
  const offsets = parameters[bias]!;
  for (let i = 0; i < weights.length; i += 1) weights[i] = weights[i]! / deviations[i % outputs]!;
  for (let j = 0; j < outputs; j += 1) offsets[j] = (offsets[j]! - means[j]!) / deviations[j]!;
}
