import { setImmediate } from 'node:timers/promises';

import { TerminalError, decodeRowNumbers } from '@rookery/contracts';
import type { Table, TargetEncoder } from '@rookery/tabular';

import type { FoldResult } from '../domain/evaluation.js';
import { heldOutQuality } from '../domain/fold-metrics.js';
import { labelTuner } from '../domain/held-out-rows.js';
import type { HeldOutRows, TunedLabel } from '../domain/held-out-rows.js';
import type { ArtifactReader } from './artifact-reader.js';

/** What tuning gives a run. */
export interface TunedRun {
  /** Of each label, above which the packaged model predicts it. */
  readonly thresholds: readonly number[];
  /** Each fold under thresholds that its own rows had no part in. */
  readonly folds: readonly FoldResult[];
}

/**
 * Tunes the thresholds of a multi-label run, or of a trial, on the held-out rows of its folds, and judges each fold again under thresholds
 * that were tuned without its rows. Throws RK_MESSAGE_MISSING_FIELD for a result without its bundle, and what the reader throws.
 */
export async function tuneThresholds(
  reader: Pick<ArtifactReader, 'bundle'>,
  { runId, folds }: { readonly runId: string; readonly folds: readonly FoldResult[] },
  data: {
    readonly table: Table;
    readonly encoder: TargetEncoder;
    readonly outputs: readonly Float32Array[];
    readonly weightColumn: string;
  },
): Promise<TunedRun> {
  const { table, encoder, outputs, weightColumn } = data;
  const held: HeldOutRows[] = await Promise.all(
    folds.map(async ({ fold, bundleSha256 }, at) => {
      if (bundleSha256 === undefined) throw withoutBundle(runId, fold);
      const { testRows } = await reader.bundle(bundleSha256);
      return { rows: decodeRowNumbers(testRows), outputs: outputs[at]! };
    }),
  );
  const tune = labelTuner(table, encoder, held, weightColumn);
  const labels: TunedLabel[] = [];
  for (const label of encoder.labels.keys()) {
    labels.push(tune(label));
    // Many labels of many rows take a while: heartbeats and other calls get their turn.
    await setImmediate();
  }
  const judged: FoldResult[] = [];
  for (const [at, result] of folds.entries()) {
    const { rows, outputs: own } = held[at]!;
    const threshold = labels.map((label) => label.judged[at]!);
    judged.push({ ...result, ...heldOutQuality(table, { ...encoder, threshold }, rows, own, weightColumn) });
    await setImmediate();
  }
  return { thresholds: labels.map(({ served }) => served), folds: judged };
}

function withoutBundle(runId: string, fold: number): TerminalError {
  return new TerminalError(
    'RK_MESSAGE_MISSING_FIELD',
    `Run ${runId} can't be joined: the result of fold ${fold} has no bundle`,
    { details: { field: 'bundle_sha256', runId, fold: String(fold) } },
  );
}
