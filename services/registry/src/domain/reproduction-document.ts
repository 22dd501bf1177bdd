import type { OutboxEntry } from '@rookery/bus';
import type { TrainingEnvironment } from '@rookery/proto/rookery/domain/v1/data';
import type {
  FoldReproduced,
  RecordedJob,
  RunReproduced,
  RunReproducing,
} from '@rookery/proto/rookery/events/v1/run';
import { Reproduction } from '@rookery/proto/rookery/registry/v1/registry';

import { jobNameOf } from './run-projection.js';

/** How a reproduction stands: training, or every job compared and equal, or not, or some that could not be compared. */
export type ReproductionState = 'training' | 'equal' | 'different' | 'incomplete';

/** A run that is trained again to be compared. */
export interface ReproductionDocument {
  _id: string;
  runId: string;
  model: string;
  actor: string;
  requestedAtMs: number;
  state: ReproductionState;
  recorded: RecordedJob[];
  /** Results by the name of their job. */
  jobs?: Record<string, FoldReproduced>;
  differences?: string[];
  endedAtMs?: number;
  outbox?: OutboxEntry[];
}

/** The document that `run.reproducing` begins, from the event alone. */
export function reproductionOf(data: RunReproducing): ReproductionDocument {
  return {
    _id: data.reproductionId,
    runId: data.runId,
    model: data.model,
    actor: data.actor,
    requestedAtMs: data.timeMs,
    state: 'training',
    recorded: data.jobs,
  };
}

/** The result of a reproduction whose jobs are all in; undefined while one is missing. */
export function reproducedOf(document: ReproductionDocument, timeMs: number): RunReproduced | undefined {
  const jobs: FoldReproduced[] = [];
  for (const { fold, final } of document.recorded) {
    const job = document.jobs?.[jobNameOf(fold, final)];
    if (!job) return undefined;
    jobs.push(job);
  }
  const differences = document.recorded.flatMap((recorded, index) =>
    differencesOf(recorded.environment, jobs[index]?.environment),
  );
  return {
    reproductionId: document._id,
    runId: document.runId,
    model: document.model,
    equal: jobs.every((job) => job.equal),
    jobs,
    differences: [...new Set(differences)],
    timeMs,
  };
}

/** The state that a result means. */
export function stateOfResult(result: RunReproduced): ReproductionState {
  if (result.jobs.some((job) => job.code !== '')) return 'incomplete';
  return result.equal ? 'equal' : 'different';
}

const compared = [
  ['backend', 'backend'],
  ['engine', 'engine'],
  ['engineVersion', 'engine version'],
  ['codeVersion', 'code version'],
  ['nodeVersion', 'Node version'],
  ['platform', 'platform'],
] as const satisfies readonly (readonly [keyof TrainingEnvironment, string])[];

/** What may explain other bits: each thing that is not as it was. */
export function differencesOf(
  was: TrainingEnvironment | undefined,
  is: TrainingEnvironment | undefined,
): string[] {
  if (!was || !is) return [];
  return compared
    .filter(([field]) => was[field] !== is[field])
    .map(([field, name]) => `${name} was ${was[field] || 'unknown'}, is ${is[field] || 'unknown'}`);
}

/** A reproduction as the API shows it. */
export function reproductionView(document: ReproductionDocument): Reproduction {
  return Reproduction.fromPartial({
    reproductionId: document._id,
    runId: document.runId,
    model: document.model,
    state: document.state,
    actor: document.actor,
    requestedAtMs: document.requestedAtMs,
    endedAtMs: document.endedAtMs ?? 0,
    recorded: document.recorded,
    jobs: document.recorded.flatMap(({ fold, final }) => document.jobs?.[jobNameOf(fold, final)] ?? []),
    differences: document.differences ?? [],
  });
}
