import type { Table } from '../table/table.js';
import { TabularError } from '../tabular-error.js';
import { fromJsonNumber, numericCells, numericColumn, requireRows, tableOf } from './cells.js';
import { columnNames, mapNumeric } from './map-columns.js';
import {
  boxCox,
  boxCoxLambda,
  inverseBoxCox,
  inverseYeoJohnson,
  yeoJohnson,
  yeoJohnsonLambda,
} from './power-likelihood.js';
import { centredAndScaled, fitStandardScaler } from './scalers.js';
import type { FittedStandardScaler } from './scalers.js';
import { isConstant, weightedMoments } from './statistics.js';

/** Columns made more normal by a power. As scikit-learn 1.9.1 `PowerTransformer`. */
export interface PowerTransformerSpec {
  readonly kind: 'power_transformer';
  /** Default 'yeo-johnson'; 'box-cox' takes positive values only. */
  readonly method?: 'yeo-johnson' | 'box-cox';
  /** Standardise the result. Default true. */
  readonly standardize?: boolean;
}

/** A fitted PowerTransformer: a λ a column, and the scaler of the results (null without). */
export interface FittedPowerTransformer {
  readonly kind: 'power_transformer';
  readonly columns: readonly string[];
  readonly method: 'yeo-johnson' | 'box-cox';
  readonly lambdas: readonly number[];
  readonly scaler: FittedStandardScaler | null;
}

/**
 * Fit λ of each column by maximum likelihood; missing cells do not count. λ is exact to float64 rounding,
 * while scikit-learn's optimiser stops within about 1e-7 of it. A constant column has λ = 1 with Yeo–Johnson
 * and is refused with Box–Cox, and so are columns without values, and with Box–Cox any value ≤ 0.
 */
export function fitPowerTransformer(
  table: Table,
  spec: PowerTransformerSpec = { kind: 'power_transformer' },
): FittedPowerTransformer {
  requireRows(table, 'PowerTransformer');
  const method = spec.method ?? 'yeo-johnson';
  const lambdas = table.columns.map((column) => {
    const values = numericCells(column);
    const present = values.filter((value) => !Number.isNaN(value));
    const moments = weightedMoments(present);
    if (present.length === 0) throw refused(column.name, 'has no value');
    if (method === 'yeo-johnson') return isConstant(moments) ? 1 : yeoJohnsonLambda(present);
    requirePositive(column.name, values);
    if (isConstant(moments))
      throw refused(column.name, 'is constant, which leaves the power of Box–Cox undefined');
    return boxCoxLambda(present);
  });
  const fitted = { kind: 'power_transformer', columns: columnNames(table), method, lambdas } as const;
  if (spec.standardize === false) return { ...fitted, scaler: null };
  return { ...fitted, scaler: fitStandardScaler(powers({ ...fitted, scaler: null }, table)) };
}

/** Transformed columns, under their names. Throws for a value ≤ 0 with Box–Cox. */
export function transformPowerTransformer(fitted: FittedPowerTransformer, table: Table): Table {
  const { scaler } = fitted;
  const columns = powers(fitted, table).columns.map((column, j) => {
    const values = numericCells(column);
    if (scaler === null) return column;
    const mean = fromJsonNumber(scaler.mean[j]!);
    const scale = fromJsonNumber(scaler.scale[j]!);
    return numericColumn(
      column.name,
      values.map((value) => centredAndScaled(value, mean, scale)),
    );
  });
  return tableOf(table.rows, columns);
}

/** The inverse of transformPowerTransformer; missing where no value is transformed to this one. */
export function inversePowerTransformer(fitted: FittedPowerTransformer, table: Table): Table {
  const { scaler, lambdas, method } = fitted;
  const inverse = method === 'box-cox' ? inverseBoxCox : inverseYeoJohnson;
  return mapNumeric(fitted.columns, table, (value, j) => {
    const y =
      scaler === null ? value : value * fromJsonNumber(scaler.scale[j]!) + fromJsonNumber(scaler.mean[j]!);
    return Number.isNaN(y) ? NaN : inverse(y, lambdas[j]!);
  });
}

function powers(fitted: FittedPowerTransformer, table: Table): Table {
  const { method, lambdas } = fitted;
  if (method === 'yeo-johnson') {
    return mapNumeric(fitted.columns, table, (x, j) => powerOf(x, method, lambdas[j]!));
  }
  const byName = new Map(table.columns.map((column) => [column.name, column]));
  for (const name of fitted.columns) {
    const column = byName.get(name);
    if (column !== undefined) requirePositive(name, numericCells(column));
  }
  return mapNumeric(fitted.columns, table, (x, j) => powerOf(x, method, lambdas[j]!));
}

/** One cell of a PowerTransformer, before it is standardised; NaN stays. */
export function powerOf(x: number, method: FittedPowerTransformer['method'], lambda: number): number {
  if (Number.isNaN(x)) return NaN;
  return method === 'box-cox' ? boxCox(x, lambda) : yeoJohnson(x, lambda);
}

function requirePositive(name: string, values: Float64Array): void {
  const row = values.findIndex((value) => value <= 0);
  if (row < 0) return;
  throw new TabularError(
    'RK_TABULAR_CELL_INVALID',
    `Column "${name}", row ${row}: Box–Cox takes positive values only, not ${values[row]}; use yeo-johnson or leave the column out.`,
    { column: name, row: String(row), value: String(values[row]) },
  );
}

function refused(name: string, reason: string): TabularError {
  return new TabularError(
    'RK_TABULAR_ARGUMENT_INVALID',
    `Column "${name}" ${reason}; leave it out of the power transformer.`,
    { column: name },
  );
}
