import { createHash } from 'node:crypto';

import { RetryableError } from '@rookery/contracts';
import type { FittedPluginStep } from '@rookery/tabular';

import type { OpenStep } from './plugin-step.js';
import type { PluginSteps } from './plugin-steps.js';

/** How many processes callers share, and for how long. */
export interface SharedStepsLimits {
  /** Most processes at one time, those that wait for a caller included. */
  readonly most: number;
  /** Most of them at work for one fitted step: calls of one that hangs leave room for the others. */
  readonly mostOfOne: number;
  /** Most callers that wait for a process. */
  readonly mostWaiting: number;
  /** A process that nobody needs is ended after this time, milliseconds. */
  readonly idleMs: number;
}

interface Idle {
  readonly key: string;
  readonly step: OpenStep;
  readonly timer: NodeJS.Timeout;
}

interface Waiting {
  readonly key: string;
  readonly go: () => void;
}

/**
 * Steps for calls that come at any time and side by side: `openStep` lends a process that has the step loaded, one caller at a time, and
 * starts one where none is there; its `close` gives it back. A process in which a call failed is not lent again. Rejects with RK_OVERLOADED
 * where too many wait, with the reason of the signal, and as `openStep` of the plug-ins does.
 */
export function sharedSteps(
  plugins: Pick<PluginSteps, 'openStep'>,
  limits: SharedStepsLimits,
): Pick<PluginSteps, 'openStep'> {
  const { most, mostOfOne, mostWaiting, idleMs } = limits;
  let idle: Idle[] = [];
  const waiting: Waiting[] = [];
  const lent = new Map<string, number>();
  let lentInAll = 0;

  const mayTake = (key: string): boolean => lentInAll < most && (lent.get(key) ?? 0) < mostOfOne;
  const take = (key: string): void => {
    lentInAll += 1;
    lent.set(key, (lent.get(key) ?? 0) + 1);
  };
  const giveBack = (key: string): void => {
    lentInAll -= 1;
    const left = (lent.get(key) ?? 1) - 1;
    if (left === 0) lent.delete(key);
    else lent.set(key, left);
    const next = waiting.findIndex((one) => mayTake(one.key));
    if (next < 0) return;
    const [{ key: nextKey, go }] = waiting.splice(next, 1) as [Waiting];
    take(nextKey);
    go();
  };

  /** Resolves when the caller may have a process of this step, which is counted as lent then. */
  const turn = (key: string, what: string, signal: AbortSignal | undefined): Promise<void> => {
    signal?.throwIfAborted();
    if (mayTake(key)) {
      take(key);
      return Promise.resolve();
    }
    if (waiting.length >= mostWaiting)
      throw new RetryableError(
        'RK_OVERLOADED',
        `No process is free for the ${what}: ${waiting.length} calls wait for one already.`,
        { details: { waiting: String(waiting.length) } },
      );
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        waiting.splice(waiting.indexOf(mine), 1);
        reject(signal?.reason as Error);
      };
      const mine: Waiting = {
        key,
        go: () => {
          signal?.removeEventListener('abort', leave);
          resolve();
        },
      };
      signal?.addEventListener('abort', leave, { once: true });
      waiting.push(mine);
    });
  };

  const drop = (one: Idle): void => {
    clearTimeout(one.timer);
    idle = idle.filter((other) => other !== one);
  };
  const keep = (key: string, step: OpenStep): void => {
    const timer = setTimeout(() => {
      drop(one);
      void step.close();
    }, idleMs).unref();
    const one: Idle = { key, step, timer };
    idle.push(one);
  };
  const stepFor = async (key: string, fitted: FittedPluginStep, what: string): Promise<OpenStep> => {
    const warm = idle.find((one) => one.key === key);
    if (warm !== undefined) {
      drop(warm);
      return warm.step;
    }
    const oldest = idle[0];
    if (oldest !== undefined && idle.length + lentInAll > most) {
      drop(oldest);
      await oldest.step.close();
    }
    return plugins.openStep(fitted, what);
  };

  return {
    async openStep(fitted, what, signal) {
      const key = keyOf(fitted);
      await turn(key, what, signal);
      let step: OpenStep;
      try {
        step = await stepFor(key, fitted, what);
      } catch (error) {
        giveBack(key);
        throw error;
      }
      let failed = false;
      let closed = false;
      return {
        outputs: step.outputs,
        async apply(...call) {
          try {
            return await step.apply(...call);
          } catch (error) {
            failed = true;
            throw error;
          }
        },
        async close() {
          if (closed) return;
          closed = true;
          if (failed) await step.close();
          else keep(key, step);
          giveBack(key);
        },
      };
    },
  };
}

/** Equal for steps that are loaded alike: code, options, columns and what was learnt. */
function keyOf(fitted: FittedPluginStep): string {
  return createHash('sha256').update(JSON.stringify(fitted)).digest('hex');
}
