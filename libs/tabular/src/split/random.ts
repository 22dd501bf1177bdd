import { TabularError } from '../tabular-error.js';

/** A seeded stream of random numbers. The same seed gives the same stream on every platform and version. */
export interface Random {
  /** Next 32 random bits. */
  nextUint32(): number;
  /** Uniform in [low, high), 53 bits. Defaults 0 and 1. */
  uniform(low?: number, high?: number): number;
  /** Uniform integer in [0, below), without bias. */
  integer(below: number): number;
  /** Normal (Box–Muller). Defaults 0 and 1. */
  normal(mean?: number, std?: number): number;
  /** Shuffles in place (Fisher–Yates, from the end) and returns its argument. */
  shuffle<T extends Int32Array | Uint32Array | Float64Array | unknown[]>(items: T): T;
}

/**
 * xoshiro128** (Blackman and Vigna 2018), its 128-bit state filled from the seed by splitmix32. Not for secrets.
 * The seed is an integer; its low 53 bits count.
 */
export function createRandom(seed: number): Random {
  if (!Number.isSafeInteger(seed)) {
    throw new TabularError('RK_TABULAR_ARGUMENT_INVALID', `A seed must be a whole number; it is ${seed}.`, {
      seed: String(seed),
    });
  }
  let mix = seedWord(seed);
  const splitmix = (): number => {
    mix = (mix + 0x9e3779b9) | 0;
    let z = mix ^ (mix >>> 16);
    z = Math.imul(z, 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return z ^ (z >>> 15);
  };
  let a = splitmix();
  let b = splitmix();
  let c = splitmix();
  let d = splitmix() | 1; // Never all zeros.
  let spare: number | undefined;

  const nextUint32 = (): number => {
    const scrambled = Math.imul(b, 5);
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9);
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    return result >>> 0;
  };
  const unit = (): number => {
    const high = nextUint32() >>> 5;
    const low = nextUint32() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  };
  const integer = (below: number): number => {
    if (!Number.isInteger(below) || below < 1 || below > 4294967296) {
      throw new TabularError(
        'RK_TABULAR_ARGUMENT_INVALID',
        `integer(below) needs 1 ≤ below ≤ 2^32; it got ${below}.`,
      );
    }
    const limit = 4294967296 - (4294967296 % below);
    for (;;) {
      const draw = nextUint32();
      if (draw < limit) return draw % below;
    }
  };
  return {
    nextUint32,
    integer,
    uniform: (low = 0, high = 1) => low + (high - low) * unit(),
    normal: (mean = 0, std = 1) => {
      if (spare !== undefined) {
        const value = spare;
        spare = undefined;
        return mean + std * value;
      }
      const radius = Math.sqrt(-2 * Math.log(1 - unit()));
      const angle = 2 * Math.PI * unit();
      spare = radius * Math.sin(angle);
      return mean + std * radius * Math.cos(angle);
    },
    shuffle: (items) => {
      for (let i = items.length - 1; i > 0; i--) {
        const j = integer(i + 1);
        const held = items[i];
        items[i] = items[j]!;
        items[j] = held!;
      }
      return items;
    },
  };
}

/** A seed of its own for each key (a fold, an epoch …) of one seed: 32 bits, mixed with murmur3's finaliser. */
export function deriveSeed(seed: number, ...keys: readonly (string | number)[]): number {
  let hash = seedWord(seed);
  for (const key of keys) {
    for (const char of `${typeof key}:${key}`) hash = Math.imul(hash ^ char.codePointAt(0)!, 0x01000193);
    hash = finalise(hash);
  }
  return finalise(hash) >>> 0;
}

function seedWord(seed: number): number {
  const high = Math.floor(seed / 4294967296) | 0;
  return high === 0 ? seed | 0 : finalise(high) ^ (seed | 0);
}

function finalise(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
