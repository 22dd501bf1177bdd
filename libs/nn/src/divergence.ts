import { NnError } from './nn-error.js';
import { positiveWeights } from './row-weights.js';
import type { TrainJob } from './train-job.js';

/** What most probably made a fit diverge. */
export type DivergenceCause = 'target_scale' | 'feature_scale' | 'row_weights' | 'learning_rate';

/** Standardised numbers lie within a few units; from here on numbers are called large. */
const large = 50;
const largeWeight = 100;

/** Rates above which a step is longer than what is usual: a tenth for SGD, a hundredth for optimizers that scale their steps. */
const usualRate = { sgd: 0.1, rmsprop: 0.01, adam: 0.01, adamw: 0.01 } as const;

/**
 * The error of a fit whose loss or weights are no longer finite, with the most likely cause: in the message, which becomes the reason of
 * the run, and as a word in the details. `batch` 0 is the end of the epoch.
 */
export function divergence(epoch: number, batch: number, job: TrainJob): NnError {
  const { optimizer } = job.spec;
  const where = batch === 0 ? 'at its end' : `batch ${batch}`;
  const { cause, text, details } = likelyCause(job);
  return new NnError(
    'RK_TRAIN_DIVERGED',
    `The fit diverged in epoch ${epoch}, ${where}: the loss is not a finite number any more. Probably ${text}.`,
    {
      details: {
        epoch: String(epoch),
        batch: String(batch),
        learningRate: String(optimizer.learningRate),
        cause,
        ...details,
      },
      hint:
        `${advice[cause]} Else lower the learning rate (${optimizer.type} with ${optimizer.learningRate} now), limit the ` +
        "gradients by the optimizer's clipNorm, or look for extreme values in the features.",
    },
  );
}

const advice: Readonly<Record<DivergenceCause, string>> = {
  target_scale: "Set targetScaling to 'standard', which is its default, or scale the target.",
  feature_scale: 'Standardise the feature in the preprocessing.',
  row_weights: 'Bring the weights of rows, classes and labels to about 1.',
  learning_rate: 'Lower the learning rate tenfold.',
};

interface LikelyCause {
  cause: DivergenceCause;
  /** To follow "Probably". */
  text: string;
  details: Record<string, string>;
}

/** Data far from its usual scale comes before the learning rate: the default rate is right only for scaled data. */
function likelyCause(job: TrainJob): LikelyCause {
  const { spec, targets, features, width, columns } = job;
  const { optimizer } = spec;
  const tooFast = optimizer.learningRate > usualRate[optimizer.type];
  const target = spec.task === 'regression' && spec.targetScaling === 'none' ? largest(targets, 1, 0) : 0;
  const sizes = Array.from({ length: width }, (_, column) => largest(features, width, column));
  const size = Math.max(0, ...sizes);
  if (target > large && target >= size) {
    const text = `the target, which goes up to ${rounded(target)} and is not standardised, is too large`;
    return { cause: 'target_scale', text, details: {} };
  }
  if (size > large) {
    const column = sizes.indexOf(size);
    const name = columns?.find(({ from, to }) => column >= from && column < to)?.name;
    const which = name === undefined ? `column ${column}` : JSON.stringify(name);
    const text = `the feature ${which}, which goes up to ${rounded(size)}, is not standardised`;
    return {
      cause: 'feature_scale',
      text,
      details: { column: String(column), ...(name === undefined ? {} : { feature: name }) },
    };
  }
  const classWeights = Array.isArray(spec.classWeights) ? spec.classWeights : [];
  const positives = positiveWeights(spec.positiveWeights, targets, job.targets.length / job.rows) ?? [];
  const weight = Math.max(
    largest(job.sampleWeights ?? [], 1, 0),
    largest(classWeights, 1, 0),
    largest(positives, 1, 0),
  );
  if (weight > largeWeight && !tooFast) {
    const text = `the weights of rows, classes or labels, which go up to ${rounded(weight)}, are too large`;
    return { cause: 'row_weights', text, details: {} };
  }
  const rate = `${optimizer.learningRate} for ${optimizer.type}`;
  const text = `the learning rate, ${rate}, is too large${tooFast ? '' : ' for this network'}`;
  return { cause: 'learning_rate', text, details: {} };
}

/** Largest absolute value of a column; the values are finite. */
function largest(values: ArrayLike<number>, width: number, column: number): number {
  let most = 0;
  for (let i = column; i < values.length; i += width) most = Math.max(most, Math.abs(values[i]!));
  return most;
}

function rounded(value: number): string {
  return String(Number(value.toPrecision(3)));
}
