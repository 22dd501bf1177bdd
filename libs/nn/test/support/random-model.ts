import { initialParameters } from '../../src/network-plan.js';
import { randomStream } from '../../src/random.js';
import { topologyOf } from '../../src/topology/topology.js';
import { encodeWeights } from '../../src/weights.js';
import type { NetworkPlan } from '../../src/network-plan.js';
import type { TrainedModel } from '@rookery/nn';

/** A model of the plan with random weights, moving statistics included. */
export function randomModelOf(
  plan: NetworkPlan,
  spec: TrainedModel['spec'],
  task: TrainedModel['task'],
  seed: number,
): TrainedModel {
  const random = randomStream(seed, 9);
  const parameters = initialParameters(plan, random).map((values) =>
    values.map((value) => value + random() * 0.2),
  );
  return {
    format: 'tfjs-layers',
    topology: topologyOf(plan),
    weightSpecs: plan.parameters,
    weights: encodeWeights(parameters),
    spec,
    inputs: plan.inputs,
    outputs: plan.outputs,
    task,
    backend: 'cpu',
  };
}
