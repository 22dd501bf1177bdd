/** What was started so far, to be stopped in the opposite order. */
export class Started {
  readonly #stops: (() => Promise<unknown>)[] = [];

  /** Notes how the thing is stopped, and returns it. */
  add<T>(thing: T, stop: (thing: T) => Promise<unknown>): T {
    this.#stops.push(() => stop(thing));
    return thing;
  }

  /** Stops all of it, the latest first; a second call finds nothing left. */
  async stop(): Promise<void> {
    for (const stop of this.#stops.splice(0).reverse()) await stop();
  }
}
