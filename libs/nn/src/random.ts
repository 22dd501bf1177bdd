/** A stream of numbers in [0, 1) with 32 random bits each. */
export type RandomStream = () => number;

/**
 * Seeded numbers by sfc32 (Chris Doty-Humphrey, PractRand). Equal (seed, stream) give equal numbers on every
 * machine; streams of one seed are independent, so that a change in one use of chance leaves the others alone.
 */
export function randomStream(seed: number, stream: number): RandomStream {
  let a = seed >>> 0;
  let b = Math.floor(Math.abs(seed) / 2 ** 32) >>> 0;
  let c = Math.imul(stream + 1, 0x9e3779b9) >>> 0;
  let counter = 1;
  const next = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return sum >>> 0;
  };
  // Seeds that differ in one bit are apart after a dozen rounds; PractRand's author takes 12 to 15.
  for (let round = 0; round < 15; round += 1) next();
  return () => next() / 2 ** 32;
}

/** Puts `items` in a random order, in place: every order is equally likely (Fisher–Yates). */
export function shuffle(items: Int32Array, random: RandomStream): void {
  for (let last = items.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    const held = items[last]!;
    items[last] = items[other]!;
    items[other] = held;
  }
}
