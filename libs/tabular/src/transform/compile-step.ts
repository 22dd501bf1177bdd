import { codeCount, codeOf } from '../preprocess/category-codes.js';
import { fromJsonNumber } from '../preprocess/cells.js';
import { groupedCategories } from '../preprocess/category-groups.js';
import { outputName } from '../preprocess/one-hot-encoder.js';
import { powerOf } from '../preprocess/power-transformer.js';
import { quantileCurve, rankOnCurve } from '../preprocess/quantile-transformer.js';
import { centredAndScaled, onRange } from '../preprocess/scalers.js';
import { INDICATOR_PREFIX } from '../preprocess/simple-imputer.js';
import type { FittedSimpleImputer } from '../preprocess/simple-imputer.js';
import type { FittedOneHotEncoder } from '../preprocess/one-hot-encoder.js';
import type { FittedOrdinalEncoder } from '../preprocess/ordinal-encoder.js';
import type { FittedStep } from '../preprocess/step.js';
import { encodingOf, outputNames } from '../preprocess/target-mean-encoder.js';
import type { FittedTargetEncoder } from '../preprocess/target-mean-encoder.js';
import { TabularError } from '../tabular-error.js';
import { categoryLookup, isMissing, newRegister, NO_VALUE, RefusedCell } from './pipeline-cell.js';
import type { PipelineCell, PipelineProgram } from './pipeline-cell.js';

/**
 * Adds the operations of a fitted step to the program and gives its cells: for each row the numbers that
 * `transformStep` gives for a table, to the bit.
 */
export function compileStep(
  program: PipelineProgram,
  step: FittedStep,
  cells: readonly PipelineCell[],
): PipelineCell[] {
  const taken = step.columns.map((name) => cellNamed(cells, name));
  switch (step.kind) {
    case 'simple_imputer':
      return compileImputer(program, step, taken);
    case 'standard_scaler':
      return taken.map((cell, j) => {
        const centre = step.withMean ? fromJsonNumber(step.mean[j]!) : 0;
        const scale = step.withStd ? fromJsonNumber(step.scale[j]!) : 1;
        return centredCell(program, cell, centre, scale);
      });
    case 'robust_scaler':
      return taken.map((cell, j) =>
        centredCell(program, cell, fromJsonNumber(step.center[j]!), fromJsonNumber(step.scale[j]!)),
      );
    case 'min_max_scaler':
      return taken.map((cell, j) => {
        const [low, high] = step.clip ? step.featureRange : [-Infinity, Infinity];
        const scale = fromJsonNumber(step.scale[j]!);
        const min = fromJsonNumber(step.min[j]!);
        return numberCell(program, numbersOf(program, cell), (from, to) => (r) => {
          r[to] = onRange(r[from]!, scale, min, low, high);
        });
      });
    case 'quantile_transformer':
      return taken.map((cell, j) => {
        const curve = quantileCurve(step.quantiles[j]!);
        const normal = step.outputDistribution === 'normal';
        return numberCell(program, numbersOf(program, cell), (from, to) => (r) => {
          r[to] = rankOnCurve(r[from]!, curve, normal);
        });
      });
    case 'power_transformer':
      return taken.map((cell, j) => {
        const { method, scaler } = step;
        const lambda = step.lambdas[j]!;
        const powered = numberCell(program, numbersOf(program, cell), (from, to) => (r) => {
          if (method === 'box-cox' && r[from]! <= 0)
            throw new RefusedCell(cell.input, 'is not positive, as Box–Cox needs it');
          r[to] = powerOf(r[from]!, method, lambda);
        });
        if (scaler === null) return powered;
        return centredCell(
          program,
          powered,
          fromJsonNumber(scaler.mean[j]!),
          fromJsonNumber(scaler.scale[j]!),
        );
      });
    case 'one_hot_encoder':
      return taken.flatMap((cell, j) => compileOneHot(program, step, j, cell));
    case 'ordinal_encoder':
      return taken.map((cell, j) => compileOrdinal(program, step, j, cell));
    case 'target_encoder':
      return compileTargetEncoder(program, step, taken);
    case 'category_codes':
      return taken.map((cell, j) => {
        const lookup = categoryLookup(cell, step.features[j]!);
        const coded = numberCell(program, cell, (from, to) => (r) => {
          r[to] = codeOf(lookup(r[from]!), isMissing(cell, r[from]!));
        });
        return { ...coded, codes: codeCount(step.features[j]!) };
      });
  }
}

function cellNamed(cells: readonly PipelineCell[], name: string): PipelineCell {
  const cell = cells.find((one) => one.name === name);
  if (cell !== undefined) return cell;
  throw new TabularError('RK_TABULAR_COLUMN_MISSING', `The fitted steps lack the column "${name}".`, {
    column: name,
  });
}

/** A new cell of numbers, computed from another one. */
function numberCell(
  program: PipelineProgram,
  cell: PipelineCell,
  operation: (from: number, to: number) => (registers: Float64Array) => void,
): PipelineCell {
  const to = newRegister(program);
  program.operations.push(operation(cell.register, to));
  return { name: cell.name, register: to, input: cell.input };
}

function centredCell(
  program: PipelineProgram,
  cell: PipelineCell,
  centre: number,
  scale: number,
): PipelineCell {
  // Flags are 0 and 1 to number transformers, and NaN where missing.
  return numberCell(program, numbersOf(program, cell), (from, to) => (r) => {
    r[to] = centredAndScaled(r[from]!, centre, scale);
  });
}

/** The cell as numbers: that of a boolean column as 0, 1 and NaN. */
export function numbersOf(program: PipelineProgram, cell: PipelineCell): PipelineCell {
  if (cell.texts === undefined) return cell;
  return numberCell(program, cell, (from, to) => (r) => {
    r[to] = r[from]! >= 0 ? r[from]! : NaN;
  });
}

function compileImputer(
  program: PipelineProgram,
  step: FittedSimpleImputer,
  taken: readonly PipelineCell[],
): PipelineCell[] {
  const out: PipelineCell[] = [];
  taken.forEach((cell, j) => {
    const fill = step.statistics[j]!;
    if (fill === null) return;
    if (typeof fill === 'number') {
      out.push(
        numberCell(program, numbersOf(program, cell), (from, to) => (r) => {
          r[to] = Number.isNaN(r[from]!) ? fill : r[from]!;
        }),
      );
      return;
    }
    const code = cell.texts?.indexOf(fill) ?? -1;
    const filled = numberCell(program, cell, (from, to) => (r) => {
      r[to] = r[from] === NO_VALUE ? code : r[from]!;
    });
    out.push({ ...filled, ...(cell.texts === undefined ? {} : { texts: cell.texts }) });
  });
  for (const name of step.indicators) {
    const cell = cellNamed(taken, name);
    const mark = numberCell(program, cell, (from, to) => (r) => {
      r[to] = isMissing(cell, r[from]!) ? 1 : 0;
    });
    out.push({ ...mark, name: INDICATOR_PREFIX + name });
  }
  return out;
}

function compileOneHot(
  program: PipelineProgram,
  step: FittedOneHotEncoder,
  j: number,
  cell: PipelineCell,
): PipelineCell[] {
  const feature = step.features[j]!;
  const grouped = groupedCategories(feature);
  const group = feature.categories.length - feature.infrequent.length;
  const unknown = step.handleUnknown === 'infrequent_if_exist' && feature.infrequent.length > 0 ? group : -1;
  const refuse = step.handleUnknown === 'error';
  const lookup = categoryLookup(cell, feature);
  const { register: from, input } = cell;
  // Positions become registers one after the other, the dropped one left out.
  const outputs = grouped.flatMap((category, position) =>
    position === feature.drop ? [] : [{ position, name: outputName(cell.name, category) }],
  );
  const first = program.registers;
  for (const _ of outputs) newRegister(program);
  const registerOf = Int32Array.from(grouped, (_, position) =>
    position === feature.drop ? -1 : first + outputs.findIndex((output) => output.position === position),
  );
  // The one register of these that is not 0, to be cleared before the next row.
  let set = -1;
  program.operations.push((r) => {
    let position = lookup(r[from]!);
    if (position < 0) {
      if (refuse) throw unknownCell(cell, r[from]!);
      position = unknown;
    }
    if (set >= 0) r[set] = 0;
    set = position < 0 ? -1 : registerOf[position]!;
    if (set >= 0) r[set] = 1;
  });
  return outputs.map(({ name }, i) => ({ name, register: first + i, input }));
}

function compileOrdinal(
  program: PipelineProgram,
  step: FittedOrdinalEncoder,
  j: number,
  cell: PipelineCell,
): PipelineCell {
  const feature = step.features[j]!;
  const lookup = categoryLookup(cell, feature);
  const unknown = fromJsonNumber(step.unknownValue);
  const missing = fromJsonNumber(step.encodedMissingValue);
  const refuse = step.handleUnknown === 'error';
  return numberCell(program, cell, (from, to) => (r) => {
    const position = lookup(r[from]!);
    if (position >= 0) r[to] = position;
    else if (feature.missing && isMissing(cell, r[from]!)) r[to] = missing;
    else if (refuse) throw unknownCell(cell, r[from]!);
    else r[to] = unknown;
  });
}

function compileTargetEncoder(
  program: PipelineProgram,
  step: FittedTargetEncoder,
  taken: readonly PipelineCell[],
): PipelineCell[] {
  return outputNames(step).map(({ name, column, output }) => {
    const cell = taken[column]!;
    const lookup = categoryLookup(cell, { categories: step.categories[column]!, infrequent: [] });
    const encoded = numberCell(program, cell, (from, to) => (r) => {
      r[to] = encodingOf(step, column, output, lookup(r[from]!));
    });
    return { ...encoded, name };
  });
}

function unknownCell(cell: PipelineCell, value: number): RefusedCell {
  return new RefusedCell(
    cell.input,
    isMissing(cell, value)
      ? 'has no value, which was never so in training'
      : 'is a category that was not there in training',
  );
}
