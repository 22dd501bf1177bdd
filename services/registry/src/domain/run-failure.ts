import { attemptOf, runIdOf } from '@rookery/contracts';
import type { DeadLetter } from '@rookery/proto/rookery/events/v1/monitoring';

/** Why a run can't be finished. */
export interface RunFailure {
  runId: string;
  model: string;
  code: string;
  message: string;
  step: string;
  attempts: number;
  /** Attempt of the run that the message belonged to, from 1. */
  runAttempt: number;
}

/** The part of a dead letter that is read. */
type LetterFacts = Pick<
  DeadLetter,
  'subject' | 'code' | 'message' | 'attempts' | 'correlationId' | 'service'
> & {
  payload: Uint8Array;
};

/** Services that only look on: what they can't handle does not stop a run. */
const observers: ReadonlySet<string> = new Set(['monitor', 'inference', 'console', 'registry']);

const runIdPattern = /^run-[\da-f]{16}$/;

interface PathStep {
  readonly prefix: string;
  /** The step, in words. */
  readonly step: (key: string, payload: Record<string, unknown>) => string;
  /** The one observer for whom it is work, not a view. */
  readonly worker?: string;
}

/** The events that carry a run forward; a message of any other kind fails no run. */
const path: readonly PathStep[] = [
  { prefix: 'ml.dataset.ingested.', step: () => 'transform' },
  { prefix: 'ml.run.started.', step: () => 'start' },
  { prefix: 'ml.run.resumed.', step: () => 'resumption' },
  { prefix: 'ml.job.fold.', step: (key, payload) => foldWords(payload) ?? jobWords(key) },
  { prefix: 'ml.fold.trained.', step: (_, payload) => joined('evaluation', foldWords(payload)) },
  { prefix: 'ml.fold.evaluated.', step: (_, payload) => joined('join', resultWords(payload)) },
  { prefix: 'ml.run.evaluated.', step: () => 'registration', worker: 'registry' },
];

/**
 * The failure that a dead letter means for a run; undefined where it belongs to no run, or to a consumer that only
 * looks on. The run is named by the subject or the payload, else by the correlation id (a run id, or the request's).
 */
export function failureOf(letter: LetterFacts): RunFailure | undefined {
  const found = path.find((step) => letter.subject.startsWith(step.prefix));
  if (!found) return undefined;
  if (observers.has(letter.service) && found.worker !== letter.service) return undefined;
  const key = letter.subject.slice(found.prefix.length);
  const payload = parsed(letter.payload);
  // A trial that can't be finished ends that trial, not the run that the best one becomes.
  if (typeof payload['trial'] === 'object') return undefined;
  // A job that is trained again only to be compared is nothing that its run waits for.
  if (typeof payload['reproduction'] === 'object') return undefined;
  const runId = runIdFrom(key, payload, letter.correlationId);
  if (runId === undefined) return undefined;
  return {
    runId,
    model: text(payload, 'model'),
    code: letter.code || 'RK_HANDLER_FAILED',
    message: letter.message,
    step: found.step(key, payload),
    attempts: letter.attempts,
    runAttempt: attemptOf(count(payload['runAttempt'] ?? payload['run_attempt'])),
  };
}

function count(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

function runIdFrom(key: string, payload: Record<string, unknown>, correlationId: string): string | undefined {
  const inKey = /^(run-[\da-f]{16})(?:-f\d+|-final)?$/.exec(key)?.[1];
  if (inKey !== undefined) return inKey;
  const named = text(payload, 'runId') || text(payload, 'run_id');
  if (runIdPattern.test(named)) return named;
  const request = text(payload, 'requestEventId') || text(payload, 'request_event_id');
  if (request !== '') return runIdOf(request);
  if (runIdPattern.test(correlationId)) return correlationId;
  return correlationId === '' ? undefined : runIdOf(correlationId);
}

function parsed(payload: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(payload).toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function text(payload: Record<string, unknown>, field: string): string {
  const value = payload[field];
  return typeof value === 'string' ? value : '';
}

/** Proto3 JSON leaves out a zero: a payload without `fold` that has a run id is fold 0. */
function foldWords(payload: Record<string, unknown>): string | undefined {
  if (payload['final'] === true) return 'final model';
  if (typeof payload['fold'] === 'number') return `fold ${payload['fold']}`;
  return text(payload, 'runId') || text(payload, 'run_id') ? 'fold 0' : undefined;
}

function jobWords(key: string): string {
  if (key.endsWith('-final')) return 'final model';
  const fold = /-f(\d+)$/.exec(key)?.[1];
  return fold === undefined ? 'training' : `fold ${fold}`;
}

function resultWords(payload: Record<string, unknown>): string | undefined {
  const result = payload['result'];
  if (typeof result !== 'object' || result === null) return undefined;
  const fold = (result as Record<string, unknown>)['fold'];
  return `fold ${typeof fold === 'number' ? fold : 0}`;
}

function joined(step: string, of: string | undefined): string {
  return of === undefined ? step : `${step} of ${of}`;
}
