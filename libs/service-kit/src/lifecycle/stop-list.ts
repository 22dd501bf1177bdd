import type { StopFunction, StopOptions, StopPhase, Stoppable } from '../kit.js';
import type { StopStep } from './stop-sequence.js';

/** What a service has registered to be stopped. */
export class StopList {
  readonly #functions: { fn: StopFunction; phase: StopPhase; name: string }[] = [];
  readonly #consumptions: Stoppable[] = [];

  /** Registers `fn`; see `Kit.onStop`. */
  add(fn: StopFunction, options: StopOptions = {}): void {
    this.#functions.push({
      fn,
      phase: options.phase ?? 'drained',
      name: options.name ?? (fn.name || 'stop function'),
    });
  }

  /** Registers consumptions. */
  addConsumptions(consumptions: readonly Stoppable[]): void {
    for (const consumption of consumptions)
      if (!this.#consumptions.includes(consumption)) this.#consumptions.push(consumption);
  }

  /** Stops all consumptions at once; each may take `budgetMs` for the events in flight. */
  async stopConsumptions(budgetMs: number): Promise<void> {
    const stops = this.#consumptions.map(async (consumption) => consumption.stop(budgetMs));
    const failed = (await Promise.allSettled(stops)).filter((result) => result.status === 'rejected');
    if (failed.length > 0)
      throw new AggregateError(
        failed.map((result) => result.reason as unknown),
        'a consumption did not stop',
      );
  }

  /** The functions of `phase` as steps, last registered first. */
  steps(phase: StopPhase): StopStep[] {
    return this.#functions
      .filter((entry) => entry.phase === phase)
      .reverse()
      .map(({ fn, name }) => ({ name, run: (_budgetMs, signal) => fn(signal) }));
  }
}
