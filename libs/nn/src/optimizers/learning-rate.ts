import type { OptimizerSpec } from '../spec/optimizer-spec.js';

/** The learning rate of step `step` (from 0), with Keras's formulas. `stepsOfEpoch` and `epochs` are those of the fit. */
export function learningRateAt(
  { learningRate, schedule }: OptimizerSpec,
  step: number,
  stepsOfEpoch: number,
  epochs: number,
): number {
  if (schedule === undefined) return learningRate;
  const unit = schedule.unit === 'epochs' ? stepsOfEpoch : 1;
  if (schedule.type === 'exponential') {
    const power = step / (schedule.decaySteps * unit);
    return learningRate * schedule.decayRate ** (schedule.staircase ? Math.floor(power) : power);
  }
  if (schedule.type === 'piecewise') {
    const passed = schedule.boundaries.findIndex((boundary) => step <= boundary * unit);
    return schedule.values.at(passed)!;
  }
  const { alpha, warmupFrom } = schedule;
  const warmup = schedule.warmupSteps * unit;
  if (step < warmup) return warmupFrom + ((learningRate - warmupFrom) * step) / warmup;
  const rest = Math.max(1, stepsOfEpoch * epochs - warmup);
  const decay = schedule.decaySteps === undefined ? rest : schedule.decaySteps * unit;
  const done = Math.min(step - warmup, decay) / decay;
  const share = (1 - alpha) * 0.5 * (1 + Math.cos(Math.PI * done)) + alpha;
  return learningRate * share;
}
