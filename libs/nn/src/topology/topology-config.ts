import type { Initializer } from '../spec/model-spec.js';

interface Named {
  class_name?: string;
  config?: Record<string, unknown>;
}

const byClass: Partial<Record<string, Initializer>> = {
  GlorotUniform: 'glorot_uniform',
  GlorotNormal: 'glorot_normal',
  HeUniform: 'he_uniform',
  HeNormal: 'he_normal',
  LecunUniform: 'lecun_uniform',
  LecunNormal: 'lecun_normal',
  LeCunUniform: 'lecun_uniform',
  LeCunNormal: 'lecun_normal',
  Zeros: 'zeros',
  Ones: 'ones',
};

/** Keras's initialiser by the name of a specification; undefined for one with other numbers, which the specification's stands for. */
export function initializerOf(value: unknown): Initializer | undefined {
  const { class_name: kind = '', config = {} } = (value ?? {}) as Named;
  if (kind !== 'VarianceScaling') return byClass[kind];
  const { scale, mode, distribution } = config;
  const spread = distribution === 'uniform' ? 'uniform' : 'normal';
  if (mode === 'fan_avg' && scale === 1) return `glorot_${spread}`;
  if (mode === 'fan_in' && scale === 2) return `he_${spread}`;
  return mode === 'fan_in' && scale === 1 ? `lecun_${spread}` : undefined;
}

/** The factors of a kernel's regulariser, none where there is none; undefined for a kind that is not known. */
export function penaltyOf(value: unknown): { l1?: number; l2?: number } | undefined {
  if (value === undefined || value === null) return {};
  const { class_name: kind = '', config = {} } = value as Named;
  if (!['L1', 'L2', 'L1L2'].includes(kind)) return undefined;
  const factors: { l1?: number; l2?: number } = {};
  for (const name of ['l1', 'l2'] as const)
    if (Number(config[name] ?? 0) !== 0) factors[name] = Number(config[name]);
  return factors;
}
