import { kFold } from '../split/folds.js';
import { columnByName } from '../table/table.js';
import type { Column, RowIndices, Table } from '../table/table.js';
import { TabularError } from '../tabular-error.js';
import { compilePipeline } from './compile-pipeline.js';
import type { CompiledInput } from './compile-pipeline.js';
import type { FittedPipeline } from './fitted-pipeline.js';
import { NOT_KNOWN, NO_VALUE } from './pipeline-cell.js';
import { rowOf, wrongType } from './row-of-column.js';
import type { FeatureMatrix } from './transform-rows.js';

/** Features of these rows through the compiled pipeline. With `training`, target encoders are those of the inner folds. */
export function pipelineRows(
  fitted: FittedPipeline,
  table: Table,
  rows: RowIndices | undefined,
  options: { readonly training?: boolean } = {},
): FeatureMatrix {
  const count = rows?.length ?? table.rows;
  const { width, crossFit } = fitted;
  const data = new Float32Array(count * width);
  if (options.training !== true || crossFit === undefined) {
    writeRows(fitted, table, rows, count, undefined, data);
    return { data, rows: count, width };
  }
  kFold(count, crossFit.folds, { seed: crossFit.seed }).forEach(({ test }, fold) => {
    const branches = fitted.branches.map((branch, b) => ({
      ...branch,
      steps: branch.steps.map(
        (step, s) => crossFit.encoders.find((one) => one.branch === b && one.step === s)?.parts[fold] ?? step,
      ),
    }));
    writeRows({ ...fitted, branches }, table, rows, count, test, data);
  });
  return { data, rows: count, width };
}

/** Writes the features of the rows at these positions (default: all) to their places in `data`. */
function writeRows(
  fitted: FittedPipeline,
  table: Table,
  rows: RowIndices | undefined,
  count: number,
  positions: Uint32Array | undefined,
  data: Float32Array,
): void {
  const program = compilePipeline(fitted);
  const { registers, width } = program;
  const columns = program.inputs.map((input, k) =>
    tableInput(input, columnByName(table, input.name), registers, k),
  );
  let row = 0;
  const describe = (input: number): string => columns[input]!.describe(row);
  const many = positions?.length ?? count;
  for (let i = 0; i < many; i++) {
    const position = positions === undefined ? i : positions[i]!;
    for (let k = 0; k < columns.length; k++) {
      const input = columns[k]!;
      row = rowOf(rows, position, input.column);
      input.load(row);
    }
    try {
      program.run(data, position * width, describe);
    } catch (error) {
      throw atRow(error, row);
    }
  }
}

interface TableInput {
  readonly column: Column;
  /** Puts the number, or the program's code of the text, into its register: a number that is returned would be an object. */
  load(row: number): void;
  describe(row: number): string;
}

function tableInput(input: CompiledInput, column: Column, registers: Float64Array, k: number): TableInput {
  const { texts } = input;
  if (texts === undefined) {
    if (column.type !== 'numeric') throw wrongType(column, 'numeric');
    const { values } = column;
    return {
      column,
      // What is not finite is missing: x − x is not 0 then.
      load: (row) => {
        const value = values[row]!;
        registers[k] = value - value === 0 ? value : NaN;
      },
      describe: (row) => (Number.isFinite(values[row]) ? String(values[row]) : ''),
    };
  }
  if (column.type === 'numeric' || column.type === 'text') throw wrongType(column, input.type);
  const { codes, categories } = column;
  const known = new Map(texts.map((text, code) => [text, code]));
  const recode = Int32Array.from(categories, (category) => known.get(category) ?? NOT_KNOWN);
  return {
    column,
    load: (row) => {
      const code = codes[row]!;
      registers[k] = code < 0 ? NO_VALUE : recode[code]!;
    },
    describe: (row) => categories[codes[row]!] ?? '',
  };
}

/** The error of a cell with the number of its row. */
function atRow(error: unknown, row: number): unknown {
  if (!(error instanceof TabularError)) return error;
  return new TabularError(error.code, `Row ${row}: ${error.message}`, {
    ...error.details,
    row: String(row),
  });
}
