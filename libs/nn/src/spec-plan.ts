import { keptTopology } from './layers-api/kept-topology.js';
import { NnError } from './nn-error.js';
import { planNetwork, trainableSize } from './network-plan.js';
import { planFromTopology } from './topology/topology-plan.js';
import type { NetworkPlan } from './network-plan.js';
import type { ModelSpec } from './spec/model-spec.js';

type Networks = Pick<ModelSpec, 'layers' | 'embeddings' | 'model' | 'task'>;

/** What a specification means: a plan of the algebra, or a topology that only TensorFlow.js's own Layers can build, with why. */
export type SpecNetwork =
  { plan: NetworkPlan; kept?: undefined } | { kept: Record<string, unknown>; why: string; plan?: undefined };

/** The network of a specification for a number of inputs. RK_SPEC_INVALID where a model was given that nothing here can train. */
export function networkOf(spec: Networks, inputs: number): SpecNetwork {
  if (spec.model === undefined) return { plan: planNetwork(spec.layers, inputs, spec.embeddings) };
  const { topology } = spec.model;
  const result = planFromTopology(topology, inputs);
  if (result.plan !== undefined) return { plan: result.plan };
  const kept = keptTopology(topology, { task: spec.task, inputs });
  if (kept.unsupported === undefined) return { kept: kept.topology, why: result.unsupported };
  throw new NnError('RK_SPEC_INVALID', `The model's model.topology holds ${kept.unsupported}.`, {
    details: { field: 'model.topology' },
    hint: 'Use one input, one output, and the layers that docs/contracts/model-spec.md lists.',
  });
}

/** The weights of a given model, as bytes. */
export function initialWeightsOf(spec: Pick<ModelSpec, 'model'>): Uint8Array | undefined {
  const text = spec.model?.weights;
  return text === undefined ? undefined : Uint8Array.from(Buffer.from(text, 'base64'));
}

/**
 * Trainable parameters of the network on `inputs` features: weights and biases, scale and offset of a norm. 0 of a given model that only
 * TensorFlow.js's Layers can build: they are known when it is built.
 */
export function countParameters(spec: Networks, inputs: number): number {
  const { plan } = networkOf(spec, inputs);
  return plan === undefined ? 0 : trainableSize(plan);
}
