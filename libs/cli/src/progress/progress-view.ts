import type { RunStep } from '@rookery/client';

import { stepLine, jobLine } from './step-line.js';
import type { JobState } from './step-line.js';

/** Where the view writes. */
export interface ViewStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

/** Redraws of a terminal are at least this far apart, milliseconds. */
const redrawMs = 50;

/**
 * Shows a run as it goes: on a terminal one line a fold that is updated in place, elsewhere one line when a fold is done.
 */
export class ProgressView {
  readonly #stream: ViewStream;
  readonly #live: boolean;
  readonly #jobs = new Map<number, JobState>();
  readonly #startedAt: number;
  readonly #clock: () => number;
  #drawn = 0;
  #lastDraw = 0;

  constructor(stream: ViewStream, options: { live?: boolean; clock?: () => number } = {}) {
    this.#stream = stream;
    this.#live = options.live ?? stream.isTTY === true;
    this.#clock = options.clock ?? Date.now;
    this.#startedAt = this.#clock();
  }

  /** Takes one step of the run. */
  readonly onStep = (step: RunStep): void => {
    switch (step.kind) {
      case 'started':
        this.#print(stepLine(step, this.#elapsed()));
        for (let fold = 0; fold <= step.run.folds; fold++) {
          if (!this.#jobs.has(fold))
            this.#jobs.set(fold, { fold, folds: step.run.folds, final: fold === step.run.folds });
        }
        this.#draw(true);
        break;
      case 'progress': {
        const { fold, final, epoch, epochs, loss, metric, metricName } = step.progress;
        this.#update(fold, { final, epoch, epochs, loss, metric, metricName });
        this.#draw(false);
        break;
      }
      case 'trained': {
        const { fold, final, folds, history, epochsRun } = step.trained;
        this.#update(fold, {
          final,
          folds,
          epoch: epochsRun,
          epochs: epochsRun,
          loss: history?.loss.at(-1) ?? NaN,
          metric: history?.metric.at(-1) ?? NaN,
          metricName: history?.metricName ?? '',
          trained: true,
        });
        if (final) this.#finished(fold);
        else this.#draw(true);
        break;
      }
      case 'fold-evaluated':
        this.#update(step.fold, { heldOut: step.metrics });
        this.#finished(step.fold);
        break;
      case 'ingested':
      case 'dataset-rejected':
      case 'search-started':
      case 'trial-evaluated':
      case 'trial-failed':
      case 'search-completed':
      case 'evaluated':
      case 'promoted':
      case 'model-rejected':
      case 'failed':
      case 'resumed':
      case 'cancelled':
      case 'swapped':
        this.#settle();
        this.#print(stepLine(step, this.#elapsed()));
        break;
    }
  };

  #elapsed(): number {
    return this.#clock() - this.#startedAt;
  }

  #update(fold: number, change: Partial<JobState>): void {
    const known = this.#jobs.get(fold) ?? { fold };
    this.#jobs.set(fold, { ...known, ...change });
  }

  #finished(fold: number): void {
    const state = this.#jobs.get(fold);
    if (this.#live) this.#draw(true);
    else if (state) this.#print(jobLine(state));
  }

  #print(line: string): void {
    this.#stream.write(`${line}\n`);
  }

  /** Draws the block of folds over the one drawn before. */
  #draw(now: boolean): void {
    if (!this.#live || this.#jobs.size === 0) return;
    const time = this.#clock();
    if (!now && time - this.#lastDraw < redrawMs) return;
    this.#lastDraw = time;
    const lines = [...this.#jobs.values()]
      .sort((a, b) => a.fold - b.fold)
      .map((job) => `\u001b[2K${jobLine(job)}`);
    const up = this.#drawn > 0 ? `\u001b[${this.#drawn}A` : '';
    this.#stream.write(`${up}${lines.join('\n')}\n`);
    this.#drawn = lines.length;
  }

  /** Leaves the block as it is: what follows is written below it. */
  #settle(): void {
    if (this.#drawn === 0) return;
    this.#draw(true);
    this.#drawn = 0;
    this.#jobs.clear();
  }
}
