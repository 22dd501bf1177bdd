import type { RunStep } from '@rookery/client';
import { RejectionStage } from '@rookery/proto/rookery/events/v1/model';

/** What is known of one job of a run. */
export interface JobState {
  readonly fold: number;
  readonly folds?: number;
  readonly final?: boolean;
  readonly epoch?: number;
  readonly epochs?: number;
  readonly loss?: number;
  readonly metric?: number;
  readonly metricName?: string;
  readonly trained?: boolean;
  readonly heldOut?: Readonly<Record<string, number>>;
}

const label = (word: string): string => word.padEnd(10);
const after = (ms: number): string => `${Math.round(ms)} ms`;

/** A number with four digits after the point, or fewer where it is large. */
export function shortNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  return Math.abs(value) >= 1000 ? value.toFixed(1) : value.toFixed(4);
}

const rungOf = (rung: number | undefined): string => (rung ? ` rung ${rung}` : '');

/** The line of one fold, or of the final model. */
export function jobLine(job: JobState): string {
  const name = label(
    job.final === true ? 'final' : `fold ${job.fold + 1}${job.folds === undefined ? '' : `/${job.folds}`}`,
  );
  if (job.epoch === undefined) return `${name}waiting`;
  const epoch = `epoch ${String(job.epoch).padStart(String(job.epochs ?? 0).length)}/${job.epochs ?? 0}`;
  // What a plug-in does not tell of is not shown.
  const metric = job.metricName ? known(job.metricName, job.metric) : '';
  return `${name}${epoch}${known('loss', job.loss)}${metric}${heldOut(job)}`;
}

function known(name: string, value: number | undefined): string {
  return value === undefined || Number.isNaN(value) ? '' : `  ${name} ${shortNumber(value)}`;
}

function heldOut(job: JobState): string {
  const metrics = job.heldOut;
  if (metrics === undefined) return '';
  const name =
    job.metricName && metrics[job.metricName] !== undefined ? job.metricName : Object.keys(metrics)[0];
  const value = name === undefined ? undefined : metrics[name];
  return name === undefined || value === undefined ? '' : `  held-out ${name} ${shortNumber(value)}`;
}

/** The line of any other step; `elapsedMs` is the time since the publication. */
export function stepLine(
  step: Exclude<RunStep, { kind: 'progress' | 'trained' | 'fold-evaluated' }>,
  elapsedMs: number,
): string {
  switch (step.kind) {
    case 'ingested':
      return `${label('data set')}version ${step.version}: ${step.rows} rows × ${step.columns} columns (${after(elapsedMs)})`;
    case 'dataset-rejected':
      return `${label('rejected')}${step.rejection.code}: ${step.rejection.message}\n${label('')}${step.rejection.hint}`;
    case 'started': {
      const { run } = step;
      const stratified = run.stratified ? 'stratified ' : '';
      return `${label('run')}${run.runId}: ${run.model}, ${run.folds} ${stratified}folds, seed ${run.seed}`;
    }
    case 'search-started': {
      const { strategy, trials, folds, metric, rungs } = step.search;
      const halved = rungs.length > 0 ? `, rungs of ${rungs.join(', ')} epochs` : '';
      return `${label('search')}${strategy}: ${trials} trials × ${folds} folds by ${metric}${halved}`;
    }
    case 'trial-evaluated': {
      const { trial, metrics } = step.trial;
      const score = metrics[step.metric]?.mean ?? NaN;
      return `${label('trial')}${trial?.trial ?? 0}${rungOf(trial?.rung)}: ${step.metric} ${shortNumber(score)}`;
    }
    case 'trial-failed': {
      const { trial, code, message } = step.trial;
      return `${label('trial')}${trial?.trial ?? 0}${rungOf(trial?.rung)} failed: ${code}: ${message}`;
    }
    case 'search-completed': {
      const result = step.search.result;
      const point = Object.entries(result?.bestPoint ?? {}).map(
        ([name, value]) => `${name}=${JSON.stringify(value)}`,
      );
      return `${label('best')}trial ${result?.bestTrial ?? 0}: ${result?.metric ?? ''} ${shortNumber(result?.bestScore ?? NaN)} with ${point.join(', ')} (${after(elapsedMs)})`;
    }
    case 'evaluated': {
      const { verdict } = step.evaluated;
      return `${label('evaluated')}${verdict?.reasons.join(' ') ?? 'no verdict'}`;
    }
    case 'promoted': {
      const { model, version, previousVersion } = step.promoted;
      const before =
        previousVersion === 0 ? 'the first champion' : `champion after version ${previousVersion}`;
      return `${label('promoted')}${model} version ${version}, ${before}`;
    }
    case 'model-rejected': {
      const where =
        step.rejection.stage === RejectionStage.REJECTION_STAGE_SERVING
          ? ` by ${step.rejection.replica}`
          : '';
      return `${label('rejected')}${step.rejection.code}${where}: ${step.rejection.reasons.join(' ')}`;
    }
    case 'failed':
      return `${label('failed')}${step.failure.step}: ${step.failure.code}: ${step.failure.message}`;
    case 'resumed':
      return `${label('resumed')}attempt ${step.resumed.runAttempt} by ${step.resumed.actor}: only what is missing`;
    case 'cancelled': {
      const { actor, reason } = step.cancelled;
      return `${label('cancelled')}by ${actor}${reason === '' ? '' : `: ${reason}`}`;
    }
    case 'swapped':
      return `${label('serving')}${step.swapped.model} version ${step.swapped.version}, ${after(step.swapped.publishedToServingMs)} after publication`;
  }
}
