import type { ArtifactStore } from '@rookery/artifacts';
import { RookeryError, TerminalError } from '@rookery/contracts';
import { FoldBundle } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import { madeColumns } from '@rookery/plugin';
import type { Plugins } from '@rookery/plugin';
import type { Row, Value } from '@rookery/proto/rookery/domain/v1/data';
import type { ApplyRequest, ApplyResponse } from '@rookery/proto/rookery/transform/v1/transform';
import type { Collection } from '@rookery/store';
import type { CallContext } from '@rookery/service-kit';
import { compileRowTransformer, pluginStepsOf, rawColumnOf, TabularError } from '@rookery/tabular';
import type { FittedTransformer, RawColumn } from '@rookery/tabular';

import type { PlanDocument } from '../adapters/plan-collection.js';

/** Most rows of one call. */
const mostRows = 10_000;

/** Most numbers of one answer: what a client accepts by default (4 MiB). */
const mostValues = 1_000_000;

/**
 * Handler of TransformService.Apply: rows of named values through the fitted transformer of one fold, or of the final
 * model, exactly as training and serving do. A value without a kind, or an absent one, is missing. Errors:
 * RK_RUN_NOT_FOUND, RK_FOLDS_INVALID, RK_PREDICT_NO_ROWS, RK_PREDICT_TOO_MANY_ROWS, RK_FEATURE_REFUSED, those of plug-ins
 * (RK_PLUGIN_…, RK_OVERLOADED), and those of the artifact store. A caller that gives up leaves no plug-in at work.
 */
export function applyTransformer(ports: {
  readonly plans: Collection<PlanDocument>;
  readonly artifacts: ArtifactStore;
  readonly plugins: Pick<Plugins, 'openStep'>;
}): (request: ApplyRequest, context: Pick<CallContext, 'signal'>) => Promise<ApplyResponse> {
  return async (request, context) => {
    if (request.rows.length === 0) throw new RookeryError('RK_PREDICT_NO_ROWS', 'The request has no rows');
    if (request.rows.length > mostRows) {
      throw new RookeryError(
        'RK_PREDICT_TOO_MANY_ROWS',
        `${request.rows.length} rows are more than ${mostRows}`,
      );
    }
    const plan = await ports.plans.findOne({ _id: request.runId });
    if (plan?.bundles === undefined) {
      throw new RookeryError('RK_RUN_NOT_FOUND', `There is no run ${JSON.stringify(request.runId)}`, {
        details: { runId: request.runId },
      });
    }
    const folds = plan.bundles.length - 1;
    const bundle = plan.bundles[request.fold ?? folds];
    if (bundle === undefined) {
      throw new RookeryError(
        'RK_FOLDS_INVALID',
        `Run ${request.runId} has ${folds} folds, counted from 0: there is no fold ${request.fold}`,
        { details: { runId: request.runId, fold: String(request.fold) } },
      );
    }
    const { transformerJson } = FoldBundle.decode(await ports.artifacts.get(bundle.sha256));
    const fitted = JSON.parse(transformerJson) as FittedTransformer;
    const values = request.rows.length * fitted.width;
    if (values > mostValues) {
      throw new RookeryError(
        'RK_PREDICT_TOO_MANY_ROWS',
        `${request.rows.length} rows of ${fitted.width} features are ${values} numbers, more than ${mostValues}`,
        { details: { rows: String(request.rows.length), width: String(fitted.width) } },
      );
    }
    const transform = compileRowTransformer(fitted);
    const out = new Float32Array(values);
    const columnsOf = (names: readonly string[]): RawColumn[] =>
      rawColumnsOfRows(request.rows, fitted, names);
    const count = request.rows.length;
    const what = `transformation of rows of ${request.runId}`;
    const steps = pluginStepsOf(fitted);
    // The signal is dear, and nothing but a plug-in looks at it.
    const signal = steps.length === 0 ? undefined : context.signal;
    const made = await madeColumns(ports.plugins, steps, columnsOf, count, what, signal);
    const numbers = new Map(made.map(({ name, values: column }) => [name, column]));
    request.rows.forEach((row, index) => {
      const cell = (column: string): Cell => numbers.get(column)?.[index] ?? plainValue(row.values[column]);
      try {
        transform(cell, out, index * fitted.width);
      } catch (error) {
        throw refusedFeature(error, index);
      }
    });
    return { featureNames: [...fitted.featureNames], rows: request.rows.length, values: Array.from(out) };
  };
}

/** RK_FEATURE_REFUSED, with row, feature and value, for a cell that the preprocessing refuses. */
function refusedFeature(error: unknown, row: number): unknown {
  if (!(error instanceof TabularError) || error.code !== 'RK_TABULAR_CELL_INVALID') return error;
  const { column = '', value = '' } = error.details;
  return new TerminalError('RK_FEATURE_REFUSED', `Row ${row}: ${error.message}`, {
    details: { row: String(row), feature: column.slice(0, 80), value },
  });
}

type Cell = number | string | boolean | null;

/** Cells that plug-ins read; one of another type than the column's is missing. */
function rawColumnsOfRows(
  rows: readonly Row[],
  fitted: FittedTransformer,
  names: readonly string[],
): RawColumn[] {
  const types = new Map(
    pluginStepsOf(fitted).flatMap(({ columns }) => columns.map(({ name, type }) => [name, type] as const)),
  );
  return names.map((name) => {
    const cells = rows.map((row) => plainValue(row.values[name]));
    return rawColumnOf(name, types.get(name) ?? 'categorical', cells);
  });
}

function plainValue(value: Value | undefined): Cell {
  return value?.kind?.value ?? null;
}
