import { NnError } from './nn-error.js';
import { planNetwork, trainableSize } from './network-plan.js';
import { planFromTopology } from './topology/topology-plan.js';
import type { NetworkPlan } from './network-plan.js';
import type { ModelSpec } from './spec/model-spec.js';

/** The plan of a specification for a number of inputs. RK_SPEC_INVALID where a model was given that there is no plan for. */
export function planOf(
  spec: Pick<ModelSpec, 'layers' | 'embeddings' | 'model'>,
  inputs: number,
): NetworkPlan {
  if (spec.model === undefined) return planNetwork(spec.layers, inputs, spec.embeddings);
  const result = planFromTopology(spec.model.topology, inputs);
  if (result.plan !== undefined) return result.plan;
  throw new NnError('RK_SPEC_INVALID', `The model's model.topology holds ${result.unsupported}.`, {
    details: { field: 'model.topology' },
    hint: 'Use one input, one output, and the layers that docs/contracts/model-spec.md lists.',
  });
}

/** The weights of a given model, as bytes. */
export function initialWeightsOf(spec: Pick<ModelSpec, 'model'>): Uint8Array | undefined {
  const text = spec.model?.weights;
  return text === undefined ? undefined : Uint8Array.from(Buffer.from(text, 'base64'));
}

/** Trainable parameters of the network on `inputs` features: weights and biases, scale and offset of a norm. */
export function countParameters(
  spec: Pick<ModelSpec, 'layers' | 'embeddings' | 'model'>,
  inputs: number,
): number {
  return trainableSize(planOf(spec, inputs));
}
