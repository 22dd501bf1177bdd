import type { FoldProgress } from '@rookery/proto/rookery/events/v1/run';

/** Curve of one job as it was reported so far, by epoch. */
export interface JobCurve {
  readonly fold: number;
  readonly final: boolean;
  /** Epochs planned. */
  readonly epochs: number;
  readonly metricName: string;
  readonly loss: readonly number[];
  readonly metric: readonly number[];
}

/** How far a run is: epochs done of all jobs that were heard of, and epochs planned for one job. */
export interface RunShare {
  readonly runId: string;
  readonly epochsDone: number;
  readonly epochs: number;
}

interface Curve {
  fold: number;
  final: boolean;
  epochs: number;
  metricName: string;
  loss: number[];
  metric: number[];
}

/** What was reported live, kept for the newest runs only: a page that is opened in the middle shows the whole curve. */
export interface ProgressBook {
  add(progress: FoldProgress): void;
  curve(runId: string, fold: number): JobCurve | null;
  share(runId: string): RunShare | null;
  forget(runId: string): void;
}

/** A book of at most `maxRuns` runs (default 32; the one heard of longest ago goes first) and `maxEpochs` (10,000) a job. */
export function createProgressBook(maxRuns = 32, maxEpochs = 10_000): ProgressBook {
  const runs = new Map<string, Map<number, Curve>>();
  return {
    add(progress) {
      const { runId, fold, final, epochs, metricName, epoch } = progress;
      if (epoch < 1 || epoch > maxEpochs) return;
      const jobs = runs.get(runId) ?? new Map<number, Curve>();
      runs.delete(runId);
      runs.set(runId, jobs);
      const curve = jobs.get(fold) ?? { fold, final, epochs, metricName, loss: [], metric: [] };
      jobs.set(fold, curve);
      // A job that is done again starts at its first epoch again.
      curve.loss.length = Math.min(curve.loss.length, epoch - 1);
      curve.metric.length = curve.loss.length;
      // Epochs that were missed hold the next known value, so that the curve has one value an epoch.
      while (curve.loss.length < epoch) {
        curve.loss.push(progress.loss);
        curve.metric.push(progress.metric);
      }
      curve.epochs = epochs;
      const [oldest] = runs.keys();
      if (runs.size > maxRuns && oldest !== undefined) runs.delete(oldest);
    },
    curve: (runId, fold) => {
      const curve = runs.get(runId)?.get(fold);
      return curve ? { ...curve, loss: [...curve.loss], metric: [...curve.metric] } : null;
    },
    share: (runId) => {
      const jobs = runs.get(runId);
      if (!jobs) return null;
      const curves = [...jobs.values()];
      return {
        runId,
        epochsDone: curves.reduce((sum, curve) => sum + curve.loss.length, 0),
        epochs: Math.max(0, ...curves.map((curve) => curve.epochs)),
      };
    },
    forget: (runId) => void runs.delete(runId),
  };
}
