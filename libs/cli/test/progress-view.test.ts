import type { RunStep } from '@rookery/client';
import { DatasetRejected } from '@rookery/proto/rookery/events/v1/dataset';
import {
  InferenceSwapped,
  ModelPromoted,
  ModelRejected,
  RejectionStage,
} from '@rookery/proto/rookery/events/v1/model';
import {
  FoldProgress,
  FoldTrained,
  RunEvaluated,
  RunFailed,
  RunStarted,
} from '@rookery/proto/rookery/events/v1/run';
import { describe, expect, it } from 'vitest';

import { ProgressView } from '../src/progress/progress-view.js';

/** A view on a stream that is kept, with a clock that is told. */
function newView(live: boolean): { view: ProgressView; written: () => string; tick: (ms: number) => void } {
  let text = '';
  let now = 1_000;
  const stream = { write: (more: string) => (text += more), isTTY: live };
  const view = new ProgressView(stream, { clock: () => now });
  return { view, written: () => text, tick: (ms) => (now += ms) };
}

/** What a terminal shows after it was written to: lines, with those that were drawn over gone. */
function screen(written: string): string[] {
  const lines: string[] = [''];
  let row = 0;
  const escape = '\u001b';
  for (const part of written.split(new RegExp(`(${escape}\\[\\d+[AK]|\\n)`))) {
    const up = part.startsWith(escape) ? /\[(\d+)A$/.exec(part) : null;
    if (up) row -= Number(up[1]);
    else if (part === `${escape}[2K`) lines[row] = '';
    else if (part === '\n') {
      row += 1;
      lines[row] ??= '';
    } else lines[row] = `${lines[row] ?? ''}${part}`;
  }
  return lines.filter((line) => line !== '');
}

const started = (folds: number): RunStep => ({
  kind: 'started',
  run: RunStarted.fromPartial({ runId: 'run-1', model: 'penguins', folds, stratified: true, seed: 42 }),
});
const progress = (fold: number, epoch: number, loss: number, final = false): RunStep => ({
  kind: 'progress',
  progress: FoldProgress.fromPartial({
    runId: 'run-1',
    fold,
    final,
    epoch,
    epochs: 50,
    loss,
    metricName: 'accuracy',
    metric: 0.5,
  }),
});
const trained = (fold: number, folds: number): RunStep => ({
  kind: 'trained',
  trained: FoldTrained.fromPartial({
    runId: 'run-1',
    fold,
    folds,
    final: fold === folds,
    epochsRun: 50,
    history: { loss: [1, 0.25], metric: [0.4, 0.9], metricName: 'accuracy' },
  }),
});
const evaluated = (fold: number): RunStep => ({
  kind: 'fold-evaluated',
  fold,
  metrics: { log_loss: 0.3, accuracy: 0.95 },
});

describe('on a terminal', () => {
  it('there is one line a fold and one for the final model, updated in place', () => {
    const { view, written, tick } = newView(true);
    view.onStep(started(2));
    expect(screen(written()).slice(1)).toEqual([
      'fold 1/2  waiting',
      'fold 2/2  waiting',
      'final     waiting',
    ]);
    tick(100);
    view.onStep(progress(1, 7, 0.9876));
    tick(100);
    view.onStep(progress(1, 8, 0.5));
    expect(screen(written()).slice(1)).toEqual([
      'fold 1/2  waiting',
      'fold 2/2  epoch  8/50  loss 0.5000  accuracy 0.5000',
      'final     waiting',
    ]);
  });

  it('a fold that is done shows the metric of its held-out rows', () => {
    const { view, written, tick } = newView(true);
    view.onStep(started(2));
    for (const fold of [0, 1, 2]) {
      tick(100);
      view.onStep(trained(fold, 2));
    }
    view.onStep(evaluated(0));
    expect(screen(written())).toContain(
      'fold 1/2  epoch 50/50  loss 0.2500  accuracy 0.9000  held-out accuracy 0.9500',
    );
    expect(screen(written())).toContain('final     epoch 50/50  loss 0.2500  accuracy 0.9000');
  });

  it('redraws no more often than every 50 ms, and shows the newest state then', () => {
    const { view, written, tick } = newView(true);
    view.onStep(started(2));
    const before = written().length;
    for (let epoch = 1; epoch <= 20; epoch++) {
      tick(1);
      view.onStep(progress(0, epoch, 1 / epoch));
    }
    expect(written()).toHaveLength(before);
    tick(50);
    view.onStep(progress(0, 21, 0.04));
    expect(screen(written())).toContain('fold 1/2  epoch 21/50  loss 0.0400  accuracy 0.5000');
  });

  it('what follows the folds is written below them, and they stay', () => {
    const { view, written, tick } = newView(true);
    view.onStep(started(2));
    tick(10);
    view.onStep({ kind: 'promoted', promoted: ModelPromoted.fromPartial({ model: 'penguins', version: 1 }) });
    expect(screen(written()).slice(1)).toEqual([
      'fold 1/2  waiting',
      'fold 2/2  waiting',
      'final     waiting',
      'promoted  penguins version 1, the first champion',
    ]);
  });
});

describe('elsewhere, such as in a file', () => {
  it('there are no control characters, and a line a fold when it is done', () => {
    const { view, written, tick } = newView(false);
    view.onStep({ kind: 'ingested', rows: 344, columns: 7, version: 3 });
    view.onStep(started(2));
    view.onStep(progress(0, 1, 1));
    tick(1_500);
    for (const fold of [0, 1, 2]) view.onStep(trained(fold, 2));
    view.onStep(evaluated(1));
    view.onStep({
      kind: 'swapped',
      swapped: InferenceSwapped.fromPartial({ model: 'penguins', version: 1, publishedToServingMs: 1499.6 }),
    });
    expect(written().split('\n')).toEqual([
      'data set  version 3: 344 rows × 7 columns (0 ms)',
      'run       run-1: penguins, 2 stratified folds, seed 42',
      'final     epoch 50/50  loss 0.2500  accuracy 0.9000',
      'fold 2/2  epoch 50/50  loss 0.2500  accuracy 0.9000  held-out accuracy 0.9500',
      'serving   penguins version 1, 1500 ms after publication',
      '',
    ]);
  });
});

describe('the end of a run is told in words', () => {
  const lines = (step: RunStep): string => {
    const { view, written } = newView(false);
    view.onStep(step);
    return written();
  };

  it('a rejected data set with its code and what to do', () => {
    const rejection = DatasetRejected.fromPartial({
      code: 'RK_DATASET_EMPTY',
      message: 'It has no rows.',
      hint: 'Publish rows.',
    });
    expect(lines({ kind: 'dataset-rejected', rejection })).toBe(
      'rejected  RK_DATASET_EMPTY: It has no rows.\n          Publish rows.\n',
    );
  });

  it('a model that is not taken with its reasons, and the replica that refused it', () => {
    const rejection = ModelRejected.fromPartial({ code: 'RK_CHAMPION_BETTER', reasons: ['One.', 'Two.'] });
    expect(lines({ kind: 'model-rejected', rejection })).toBe('rejected  RK_CHAMPION_BETTER: One. Two.\n');
    const refused = { ...rejection, stage: RejectionStage.REJECTION_STAGE_SERVING, replica: 'host-7' };
    expect(lines({ kind: 'model-rejected', rejection: refused })).toContain('RK_CHAMPION_BETTER by host-7:');
  });

  it('a failed run with its step, and the verdict of the gate', () => {
    const failure = RunFailed.fromPartial({
      step: 'fold 3',
      code: 'RK_TRAIN_DIVERGED',
      message: 'The loss is NaN.',
    });
    expect(lines({ kind: 'failed', failure })).toBe(
      'failed    fold 3: RK_TRAIN_DIVERGED: The loss is NaN.\n',
    );
    const step: RunStep = {
      kind: 'evaluated',
      evaluated: RunEvaluated.fromPartial({ verdict: { reasons: ['accuracy 0.9 reaches 0.7.'] } }),
    };
    expect(lines(step)).toBe('evaluated accuracy 0.9 reaches 0.7.\n');
  });
});
