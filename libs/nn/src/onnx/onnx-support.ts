import type { NetworkPlan } from '../network-plan.js';

/** Why there is no training graph for a network, or undefined where there is one. */
export function onnxUnsupported(plan: NetworkPlan): string | undefined {
  const missing = plan.operations.find((op) => op.kind === 'batch_norm');
  return missing === undefined ? undefined : `it has no graph for ${missing.kind}`;
}

/** Multiply-adds of one row in one step, forward and backward. */
export function countProducts(plan: NetworkPlan): number {
  let products = 0;
  for (const op of plan.operations) if (op.kind === 'dense') products += 3 * op.inputs * op.outputs;
  return products;
}
