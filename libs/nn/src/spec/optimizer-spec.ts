/** How the learning rate changes; numbers count steps or epochs by `unit`. Formulas are Keras's. */
export type ScheduleSpec =
  | { type: 'exponential'; unit: ScheduleUnit; decaySteps: number; decayRate: number; staircase: boolean }
  /** values[i] up to and with boundaries[i], the last one after them. */
  | { type: 'piecewise'; unit: ScheduleUnit; boundaries: number[]; values: number[] }
  | {
      type: 'cosine';
      unit: ScheduleUnit;
      /** Of the decay, after the warm-up. Absent: the rest of the fit. */
      decaySteps?: number;
      /** The rate in the end, as a share of the learning rate. */
      alpha: number;
      /** Steps in which the rate rises from `warmupFrom` to the learning rate. */
      warmupSteps: number;
      warmupFrom: number;
    };
export const scheduleUnits = ['steps', 'epochs'] as const;
export type ScheduleUnit = (typeof scheduleUnits)[number];

/** At most one. Norms are those of each parameter's gradient, or of all of them together (Keras's clipnorm, global_clipnorm, clipvalue). */
export interface ClippingSpec {
  clipNorm?: number;
  globalClipNorm?: number;
  clipValue?: number;
}

interface OptimizerBase extends ClippingSpec {
  learningRate: number;
  schedule?: ScheduleSpec;
}

/** Optimizers with Keras's formulas and defaults. */
export type OptimizerSpec =
  | (OptimizerBase & { type: 'sgd'; momentum?: number; nesterov?: boolean })
  | (OptimizerBase & { type: 'rmsprop'; decay: number; epsilon: number })
  | (OptimizerBase & { type: 'adam'; beta1: number; beta2: number; epsilon: number })
  | (OptimizerBase & {
      type: 'adamw';
      beta1: number;
      beta2: number;
      epsilon: number;
      /** Share of a parameter that is taken off in each step, times the learning rate. */
      weightDecay: number;
    });
