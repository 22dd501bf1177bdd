import { scheduleUnits } from './optimizer-spec.js';
import { clippings, limits, optimizerKinds } from './spec-limits.js';
import {
  absent,
  choiceOf,
  fieldsOf,
  flagOf,
  numberOf,
  numbersOf,
  optionalNumber,
  refuse,
} from './spec-fields.js';
import type { ClippingSpec, OptimizerSpec, ScheduleSpec } from './optimizer-spec.js';
import type { Fields, Range } from './spec-fields.js';

const shared = ['type', 'learningRate', 'schedule', ...clippings];
/** Fields that a kind of optimizer has of its own. */
export const own = {
  sgd: ['momentum', 'nesterov'],
  momentum: ['momentum', 'nesterov'],
  rmsprop: ['decay', 'epsilon'],
  adam: ['beta1', 'beta2', 'epsilon'],
  adamw: ['beta1', 'beta2', 'epsilon', 'weightDecay'],
};

/** The optimizer of a specification, from an object or a name; Keras's defaults. */
export function optimizerOf(value: unknown, fallback: OptimizerSpec): OptimizerSpec {
  if (absent(value)) return fallback;
  const given: unknown = typeof value === 'string' ? { type: value } : value;
  const all = [...shared, ...new Set(Object.values(own).flat())];
  const type = choiceOf(fieldsOf(given, 'optimizer', all)['type'], 'optimizer.type', 'sgd', optimizerKinds);
  const fields = fieldsOf(given, 'optimizer', [...shared, ...own[type]]);
  const number = (name: string, standard: number, range: Range = limits.unit): number =>
    numberOf(fields[name], `optimizer.${name}`, standard, range);
  const sgd = type === 'sgd' || type === 'momentum';
  const learningRate = number('learningRate', sgd ? 0.01 : 0.001, limits.learningRate);
  const base = { learningRate, ...scheduleOf(fields), ...clippingOf(fields) };
  if (type === 'sgd' || type === 'momentum') {
    const momentum = number('momentum', type === 'sgd' ? 0 : 0.9, limits.sgdMomentum);
    const nesterov = flagOf(fields['nesterov'], 'optimizer.nesterov', false);
    if (nesterov && momentum === 0) refuse('optimizer.nesterov', 'needs a momentum above 0');
    return { type: 'sgd', ...base, ...(momentum === 0 ? {} : { momentum, nesterov }) };
  }
  const epsilon = number('epsilon', 1e-7);
  if (type === 'rmsprop') return { type, ...base, decay: number('decay', 0.9), epsilon };
  const adam = { ...base, beta1: number('beta1', 0.9), beta2: number('beta2', 0.999), epsilon };
  if (type === 'adam') return { type, ...adam };
  return { type, ...adam, weightDecay: number('weightDecay', 0.004, limits.share) };
}

function clippingOf(fields: Fields): ClippingSpec {
  const clipping = clippings.map((name) =>
    optionalNumber(fields, name, `optimizer.${name}`, limits.positive),
  );
  const named = clippings.filter((name) => !absent(fields[name]));
  if (named.length > 1) refuse(`optimizer.${named[1]}`, `can not stand beside ${named[0]}: use one of them`);
  return Object.assign({}, ...clipping) as ClippingSpec;
}

const scheduleFields = {
  constant: [],
  exponential: ['decaySteps', 'decayRate', 'staircase'],
  piecewise: ['boundaries', 'values'],
  cosine: ['decaySteps', 'alpha', 'warmupSteps', 'warmupFrom'],
};

function scheduleOf(fields: Fields): { schedule?: ScheduleSpec } {
  const given = fields['schedule'];
  if (absent(given)) return {};
  const at = (name: string): string => `optimizer.schedule.${name}`;
  const kindsOf = Object.keys(scheduleFields) as (keyof typeof scheduleFields)[];
  const all = ['type', 'unit', ...new Set(Object.values(scheduleFields).flat())];
  const named = fieldsOf(given, 'optimizer.schedule', all)['type'];
  if (absent(named)) refuse(at('type'), `must be one of ${kindsOf.join(', ')}`);
  const type = choiceOf(named, at('type'), 'constant', kindsOf);
  const known = fieldsOf(given, 'optimizer.schedule', ['type', 'unit', ...scheduleFields[type]]);
  const scheduleUnit = choiceOf(known['unit'], at('unit'), 'epochs', scheduleUnits);
  if (type === 'constant') return {};
  const base = { unit: scheduleUnit };
  const steps = (name: string): number =>
    absent(known[name])
      ? refuse(at(name), 'is missing')
      : numberOf(known[name], at(name), 1, limits.positive);
  if (type === 'exponential') {
    const decayRate = absent(known['decayRate'])
      ? refuse(at('decayRate'), 'is missing')
      : numberOf(known['decayRate'], at('decayRate'), 1, limits.decayRate);
    const staircase = flagOf(known['staircase'], at('staircase'), false);
    return { schedule: { type, ...base, decaySteps: steps('decaySteps'), decayRate, staircase } };
  }
  if (type === 'piecewise') {
    const boundaries = numbersOf(known['boundaries'], at('boundaries'), limits.boundary);
    boundaries.forEach((boundary, i) => {
      if (i > 0 && boundary <= boundaries[i - 1]!)
        refuse(at(`boundaries[${i}]`), 'must be above the one before');
    });
    const values = numbersOf(known['values'], at('values'), limits.learningRate);
    if (values.length !== boundaries.length + 1)
      refuse(at('values'), `must be ${boundaries.length + 1} numbers, one more than boundaries`);
    return { schedule: { type, ...base, boundaries, values } };
  }
  return {
    schedule: {
      type,
      ...base,
      ...(absent(known['decaySteps']) ? {} : { decaySteps: steps('decaySteps') }),
      alpha: numberOf(known['alpha'], at('alpha'), 0, limits.share),
      warmupSteps: numberOf(known['warmupSteps'], at('warmupSteps'), 0, limits.warmupSteps),
      warmupFrom: numberOf(known['warmupFrom'], at('warmupFrom'), 0, limits.warmupFrom),
    },
  };
}
