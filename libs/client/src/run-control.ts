import type { Bus } from '@rookery/bus';
import { TerminalError } from '@rookery/contracts';
import type { RegistryServiceClient, Reproduction, Run } from '@rookery/proto/rookery/registry/v1/registry';
import { callUnary, onBehalfOf } from '@rookery/service-kit/client';

import { watchReproductions } from './reproduction-watch.js';
import type { ReproductionWatch } from './reproduction-watch.js';

/** Who asks for a turn in a run's life, and why. */
export interface RunTurn {
  readonly runId: string;
  readonly actor: string;
  readonly reason?: string;
  /** Who asks through this program, which shows a token of the role `delegate`. Default: the program itself. */
  readonly onBehalfOf?: string | undefined;
}

/** Runs that go on, end early, or are trained again to be compared. */
export interface RunControl {
  /** Lets a failed run go on with what is missing; throws RK_RUN_NOT_FOUND, RK_RUN_UNDER_WAY, RK_RUN_ENDED. */
  resume(turn: RunTurn): Promise<Run>;
  /** Ends a run that has not ended; throws RK_RUN_NOT_FOUND, RK_RUN_ENDED. */
  cancel(turn: RunTurn): Promise<Run>;
  /** Trains a run again to compare the weights; throws RK_RUN_NOT_FOUND, RK_RUN_UNDER_WAY, RK_RUN_NOT_REPRODUCIBLE. */
  reproduce(request: { readonly runId: string; readonly actor: string }): Promise<Reproduction>;
  /** One reproduction; throws RK_REPRODUCTION_NOT_FOUND. */
  reproduction(reproductionId: string): Promise<Reproduction>;
  /** Reproductions of a run, the newest first. */
  reproductions(runId: string, limit?: number): Promise<Reproduction[]>;
  /** Follows the reproductions of a run; see {@link watchReproductions}. */
  follow(runId: string): Promise<ReproductionWatch>;
}

/** Run control over the registry's API. */
export function openRunControl(registry: RegistryServiceClient, bus: () => Promise<Bus>): RunControl {
  const reproduction: RunControl['reproduction'] = async (reproductionId) => {
    const answer = await callUnary(registry, 'getReproduction', { reproductionId });
    return requireReproduction(answer.reproduction, reproductionId);
  };
  const turn =
    (method: 'resumeRun' | 'cancelRun') =>
    async ({ onBehalfOf: name, ...asked }: RunTurn): Promise<Run> => {
      const options = name === undefined ? {} : { metadata: onBehalfOf(name) };
      const { run } = await callUnary(registry, method, { reason: '', ...asked }, options);
      return requireRun(run, asked.runId);
    };
  return {
    resume: turn('resumeRun'),
    cancel: turn('cancelRun'),
    reproduce: async (request) =>
      requireReproduction(
        (await callUnary(registry, 'reproduceRun', { ...request })).reproduction,
        request.runId,
      ),
    reproduction,
    reproductions: async (runId, limit = 20) =>
      (await callUnary(registry, 'listReproductions', { runId, limit })).reproductions,
    follow: async (runId) => watchReproductions(await bus(), runId, reproduction),
  };
}

function requireRun(run: Run | undefined, runId: string): Run {
  if (run) return run;
  throw new TerminalError('RK_RUN_NOT_FOUND', `There is no run ${runId}`);
}

function requireReproduction(reproduction: Reproduction | undefined, id: string): Reproduction {
  if (reproduction) return reproduction;
  throw new TerminalError('RK_REPRODUCTION_NOT_FOUND', `There is no reproduction ${id}`);
}
