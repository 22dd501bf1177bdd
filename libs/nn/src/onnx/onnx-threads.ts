import { NnError } from '../nn-error.js';

/** Multiply-adds of a step from which several threads are faster than one (measured on two cores, `npm run bench -- train`). */
const threadedFrom = 5e6;

let chosen = 1;

/**
 * Chooses how many threads a fit of this thread has, where it is large enough to use them. Call it before the first fit. Another number may
 * change the last bits of a fit; with the same number they stay. RK_BACKEND_UNAVAILABLE for less than one.
 */
export function useOnnxThreads(threads: number): void {
  if (!Number.isInteger(threads) || threads < 1) {
    throw new NnError('RK_BACKEND_UNAVAILABLE', `A fit can't have ${threads} threads.`, {
      details: { threads: String(threads) },
      hint: 'Give a whole number from 1.',
    });
  }
  chosen = threads;
}

/** The threads that were chosen. */
export function onnxThreadsInUse(): number {
  return chosen;
}

/** Threads for a graph whose step takes so many multiply-adds. */
export function threadsFor(productsPerStep: number): number {
  return productsPerStep < threadedFrom ? 1 : chosen;
}
