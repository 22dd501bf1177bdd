import { AsyncLocalStorage } from 'node:async_hooks';

import { ROOT_CONTEXT } from '@opentelemetry/api';
import type { Context, ContextManager } from '@opentelemetry/api';

/**
 * The active context, kept through promises and callbacks by AsyncLocalStorage, which costs something at every promise of
 * the process while it is on (10 % of a short prediction on Node 20). So it is on only while a context is active: from
 * `with` until what it called has returned, or its promise has settled. Work that outlives that promise, such as a timer
 * left behind, may find the root context: give it its own with `bind`.
 */
export class IdleAwareContextManager implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>();
  #active = 0;

  active(): Context {
    return this.#active === 0 ? ROOT_CONTEXT : (this.#storage.getStore() ?? ROOT_CONTEXT);
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    context: Context,
    fn: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    this.#active += 1;
    let result: ReturnType<F>;
    try {
      result = this.#storage.run(context, () => fn.call(thisArg, ...args));
    } catch (error) {
      this.#ended();
      throw error;
    }
    if (isPromise(result)) {
      const ended = (): void => {
        this.#ended();
      };
      result.then(ended, ended);
    } else {
      this.#ended();
    }
    return result;
  }

  bind<T>(context: Context, target: T): T {
    if (typeof target !== 'function') return target;
    const run = target as unknown as (...args: unknown[]) => unknown;
    const manager = this as ContextManager;
    return function (this: unknown, ...args: unknown[]): unknown {
      return manager.with(context, run, this, ...args);
    } as unknown as T;
  }

  enable(): this {
    return this;
  }

  disable(): this {
    this.#active = 0;
    this.#storage.disable();
    return this;
  }

  #ended(): void {
    this.#active -= 1;
    if (this.#active === 0) this.#storage.disable();
  }
}

function isPromise(value: unknown): value is Promise<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}
