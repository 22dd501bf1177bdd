import type { PluginProcess } from './plugin-process.js';
import type { PluginAnswers, PluginRequest } from './protocol.js';

/** A process that has loaded the state of a fitted plug-in. */
export interface LoadedProcess {
  /**
   * As {@link PluginProcess.call}, one after the other. A process that has died is started and loaded again by the next call, so that a call
   * that waited behind one that ended it is answered all the same. An abort of the signal ends the process that is at the call.
   */
  call<K extends PluginRequest['kind']>(
    request: Extract<PluginRequest, { kind: K }>,
    what: string,
    signal?: AbortSignal,
  ): Promise<PluginAnswers[K]>;
  close(): Promise<void>;
}

/** How a process comes to be loaded. */
export interface LoadedParts {
  readonly callMs: number;
  /** A process in which the plug-in is open. */
  readonly start: (what: string) => Promise<PluginProcess>;
  readonly load: (process: PluginProcess, what: string) => Promise<void>;
}

/** A process that is running and loaded. Rejects as `start` and `load` do. */
export async function openLoaded({ callMs, start, load }: LoadedParts, what: string): Promise<LoadedProcess> {
  const loaded = async (step: string): Promise<PluginProcess> => {
    const process = await start(step);
    try {
      await load(process, step);
      return process;
    } catch (error) {
      await process.close();
      throw error;
    }
  };
  let closed = false;
  let current: Promise<PluginProcess> = loaded(what);
  await current;
  let queue: Promise<unknown> = Promise.resolve();
  /** The process, or a new one where it has ended. */
  const ready = async (step: string): Promise<PluginProcess> => {
    const process = await current.catch(() => undefined);
    if (!process?.alive && !closed) current = loaded(step);
    return current;
  };
  return {
    call<K extends PluginRequest['kind']>(
      request: Extract<PluginRequest, { kind: K }>,
      step: string,
      signal?: AbortSignal,
    ): Promise<PluginAnswers[K]> {
      const options = { what: step, timeoutMs: callMs, ...(signal === undefined ? {} : { signal }) };
      const call = queue.then(async () => (await ready(step)).call<K>(request, options));
      queue = call.catch(() => undefined);
      return call;
    },
    async close() {
      closed = true;
      await current.then(
        (process) => process.close(),
        () => undefined,
      );
    },
  };
}
