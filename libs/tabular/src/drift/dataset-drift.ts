import type { ColumnDrift } from './column-drift.js';

/** Drift of a data set: the share of its tested columns that drifted. */
export interface DatasetDrift {
  readonly drifted: boolean;
  readonly driftedColumns: number;
  /** Columns with status 'ok'. */
  readonly testedColumns: number;
  /** 0 where no column was tested. */
  readonly share: number;
  readonly threshold: number;
}

/** The data set drifted where driftedColumns / testedColumns ≥ driftShare (default 0.5). */
export function datasetDrift(columns: readonly ColumnDrift[], driftShare = 0.5): DatasetDrift {
  const tested = columns.filter((column) => column.status === 'ok');
  const driftedColumns = tested.filter((column) => column.drifted).length;
  const share = tested.length === 0 ? 0 : driftedColumns / tested.length;
  return {
    drifted: tested.length > 0 && share >= driftShare,
    driftedColumns,
    testedColumns: tested.length,
    share,
    threshold: driftShare,
  };
}
