import { own } from './optimizer-validation.js';
import { scheduleUnits } from './optimizer-spec.js';
import { clippings, limits, mostItems, optimizerKinds } from './spec-limits.js';
import {
  choiceSchema,
  flagSchema,
  notTogether,
  numberSchema,
  numbersSchema,
  objectSchema,
  orNull,
} from './schema-parts.js';
import type { Schema } from './schema-parts.js';

const schedule = (
  type: string,
  fields: Record<string, Schema> = {},
  required: readonly string[] = [],
): Schema =>
  objectSchema(
    {
      type: { const: type },
      unit: choiceSchema(scheduleUnits, { description: 'What numbers of steps count.', default: 'epochs' }),
      ...fields,
    },
    ['type', ...required],
  );

const schedules = {
  constantSchedule: schedule('constant'),
  exponentialSchedule: schedule(
    'exponential',
    {
      decaySteps: numberSchema(limits.positive, { description: 'rate × decayRate^(step / decaySteps)' }),
      decayRate: numberSchema(limits.decayRate),
      staircase: flagSchema({ description: 'The power is rounded down.', default: false }),
    },
    ['decaySteps', 'decayRate'],
  ),
  piecewiseSchedule: schedule(
    'piecewise',
    {
      boundaries: numbersSchema(limits.boundary, mostItems.numbers, {
        description: 'values[i] is the rate up to and with boundaries[i]; each above the one before.',
      }),
      values: numbersSchema(limits.learningRate, mostItems.numbers, {
        description: 'One more than boundaries.',
      }),
    },
    ['boundaries', 'values'],
  ),
  cosineSchedule: schedule('cosine', {
    decaySteps: numberSchema(limits.positive, {
      description: 'Steps from the learning rate to its end; default: the rest of the fit.',
    }),
    alpha: numberSchema(limits.share, {
      description: 'The rate in the end, as a share of the learning rate.',
      default: 0,
    }),
    warmupSteps: numberSchema(limits.warmupSteps, {
      description: 'Steps in which the rate rises to the learning rate.',
      default: 0,
    }),
    warmupFrom: numberSchema(limits.warmupFrom, { description: 'Where it rises from.', default: 0 }),
  }),
};

const share = (description: string, standard: number): Schema =>
  numberSchema(limits.unit, { description, default: standard });

/** Fields of all kinds; `own` says which kind has which. */
const particular: Record<string, Schema> = {
  momentum: numberSchema(limits.sgdMomentum),
  nesterov: flagSchema({ description: 'Needs a momentum.', default: false }),
  decay: share('Of the squared gradients.', 0.9),
  beta1: share('Of the mean of the gradients.', 0.9),
  beta2: share('Of their squares.', 0.999),
  epsilon: share('Added to the root.', 1e-7),
  weightDecay: numberSchema(limits.share, {
    description: 'Share of every parameter that a step takes off, times the learning rate.',
    default: 0.004,
  }),
};

const clipping: Record<(typeof clippings)[number], string> = {
  clipNorm: 'Longest gradient of each parameter.',
  globalClipNorm: 'Longest gradient of all parameters together.',
  clipValue: 'Largest number in a gradient.',
};

const anySchedule = { anyOf: Object.keys(schedules).map((name) => ({ $ref: `#/$defs/${name}` })) };

function optimizer(kind: (typeof optimizerKinds)[number]): Schema {
  const sgd = kind === 'sgd' || kind === 'momentum';
  const fields = Object.fromEntries(own[kind].map((name) => [name, particular[name]!]));
  const first = kind === optimizerKinds[0];
  const momentum = {
    // Of plain SGD it is 0, of 'momentum' 0.9, where it is left out.
    ...(first ? { required: ['momentum'] } : {}),
    properties: { momentum: first ? { type: 'number', exclusiveMinimum: 0 } : { not: { const: 0 } } },
  };
  const nesterov = { properties: { nesterov: { const: true } }, required: ['nesterov'] };
  return {
    ...objectSchema(
      {
        type: first ? { enum: [kind, null], default: kind } : { const: kind },
        learningRate: numberSchema(limits.learningRate, {
          description: 'Step size.',
          default: sgd ? 0.01 : 0.001,
        }),
        schedule: orNull(anySchedule, { description: 'How the learning rate changes.' }),
        ...fields,
        ...Object.fromEntries(
          clippings.map((name) => [name, numberSchema(limits.positive, { description: clipping[name] })]),
        ),
      },
      first ? [] : ['type'],
    ),
    allOf: [...notTogether(clippings), ...(sgd ? [{ if: nesterov, then: momentum }] : [])],
  };
}

/** Definitions of optimizers and schedules. */
export const optimizerDefinitions: Record<string, Schema> = {
  ...schedules,
  ...Object.fromEntries(optimizerKinds.map((kind) => [kind, optimizer(kind)])),
};

/** The optimizer of a specification. */
export const optimizerSchema: Schema = {
  description: 'An object, or the name alone. Definitions and defaults are those of Keras.',
  anyOf: [
    { enum: [...optimizerKinds, null] },
    ...optimizerKinds.map((kind) => ({ $ref: `#/$defs/${kind}` })),
  ],
  default: optimizerKinds[0],
};
