import { TerminalError } from '@rookery/contracts';
import { balancedClassWeights, columnByName } from '@rookery/tabular';
import type { Table } from '@rookery/tabular';

import type { RunSettings } from './plan-request.js';

/**
 * Weight of each training row: its sample weight times the weight of its class (balanced ones by the training rows), or
 * undefined where the request asks for neither. Throws RK_WEIGHTS_INVALID for class weights without classes, labels that
 * are no class or lack a weight, and a column that is not numeric or has missing or negative cells.
 */
export function rowWeights(
  table: Table,
  settings: RunSettings,
  codes: Int32Array | undefined,
  train: Uint32Array,
): Float32Array | undefined {
  const { classWeight, weightColumn } = settings;
  if (classWeight === undefined && weightColumn === '') return undefined;
  const samples = weightColumn === '' ? undefined : sampleWeights(table, weightColumn);
  const classes = classWeight === undefined ? undefined : classWeights(settings, codes, train);
  const weights = Float32Array.from(
    train,
    (row) => (samples?.[row] ?? 1) * (classes === undefined ? 1 : classes[codes![row]!]!),
  );
  if (weights.some((weight) => weight > 0)) return weights;
  throw invalid('All training rows of a fold have the weight 0', { column: weightColumn });
}

function sampleWeights(table: Table, name: string): Float64Array {
  const column = columnByName(table, name);
  if (column.type !== 'numeric')
    throw invalid(`The sample weights ${JSON.stringify(name)} are ${column.type}, not numbers`, {
      column: name,
    });
  const row = column.values.findIndex((weight) => !(weight >= 0 && weight < Infinity));
  if (row < 0) return column.values;
  throw invalid(
    `The sample weight ${JSON.stringify(name)} of row ${row + 1} is ${Number.isNaN(column.values[row]) ? 'missing' : column.values[row]}`,
    { column: name, row: String(row + 1) },
  );
}

function classWeights(
  { classWeight, labels, task }: RunSettings,
  codes: Int32Array | undefined,
  train: Uint32Array,
): ArrayLike<number> {
  if (codes === undefined) {
    const what = task === 'multilabel' ? 'A multi-label row' : `A ${task}`;
    throw invalid(`${what} has no class to weigh`, { field: 'class_weight' });
  }
  if (classWeight === 'balanced') {
    return balancedClassWeights(
      train.map((row) => codes[row]!),
      labels.length,
    );
  }
  const given = classWeight ?? {};
  const stranger = Object.keys(given).find((label) => !labels.includes(label));
  if (stranger !== undefined) {
    throw invalid(
      `class_weight names ${JSON.stringify(stranger)}, which is no class; they are ${labels.join(', ')}`,
      {
        field: `class_weight.${stranger}`,
      },
    );
  }
  // As scikit-learn: a class that is not named counts once.
  return labels.map((label) => (Object.hasOwn(given, label) ? given[label]! : 1));
}

function invalid(message: string, details: Record<string, string>): TerminalError {
  return new TerminalError('RK_WEIGHTS_INVALID', message, { details });
}
