import { TabularError } from '../tabular-error.js';
import { compileStep, numbersOf } from './compile-step.js';
import type { CodeOutput, FittedBranch, FittedPipeline, PipelineInput } from './fitted-pipeline.js';
import { RefusedCell, newRegister } from './pipeline-cell.js';
import type { PipelineCell, PipelineProgram } from './pipeline-cell.js';

/** Fitted steps as a program of numbers: the same one for single rows and for tables. */
export interface CompiledPipeline {
  readonly inputs: readonly CompiledInput[];
  readonly width: number;
  readonly featureNames: readonly string[];
  readonly codes: readonly CodeOutput[];
  /** Working memory: the caller writes the inputs to the first registers, in their order, and then runs. */
  readonly registers: Float64Array;
  /**
   * Writes one row's features to `out` from `offset` on. Throws RK_TABULAR_CELL_INVALID, naming the column and what
   * `describe` says of its raw cell, for a cell that the steps refuse or make no finite number of.
   */
  run(out: Float32Array, offset: number, describe: (input: number) => string): void;
}

/** A raw column; its texts by code where it has codes, else undefined: numbers. */
export interface CompiledInput extends PipelineInput {
  readonly texts: readonly string[] | undefined;
}

/** Compiles fitted branches. Throws RK_TABULAR_COLUMN_MISSING or RK_TABULAR_COLUMN_TYPE where they do not fit each other. */
export function compilePipeline(pipeline: Pick<FittedPipeline, 'inputs' | 'branches'>): CompiledPipeline {
  const program: PipelineProgram = { operations: [], registers: 0 };
  const inputs = pipeline.inputs.map((input): CompiledInput => ({
    ...input,
    texts: input.type === 'numeric' ? undefined : textsOf(input, pipeline.branches),
  }));
  const raw = inputs.map(({ name, texts }, input): PipelineCell => {
    const register = newRegister(program);
    return { name, register, input, ...(texts === undefined ? {} : { texts }) };
  });
  const outputs = pipeline.branches.flatMap(({ columns, steps }) => {
    const taken = columns.map((column) => raw.find((cell) => cell.name === column) ?? missing(column));
    return steps
      .reduce((cells, step) => compileStep(program, step, cells), taken)
      .map((cell) => numericOutput(program, cell, inputs[cell.input]!));
  });
  const registers = new Float64Array(program.registers);
  const { operations } = program;
  const from = Int32Array.from(outputs, ({ register }) => register);
  const width = outputs.length;
  const refused = (input: number, why: string, describe: (input: number) => string): TabularError => {
    const column = inputs[input]!.name;
    const value = describe(input);
    return new TabularError(
      'RK_TABULAR_CELL_INVALID',
      value === '' ? `Column "${column}" ${why}.` : `Column "${column}": ${JSON.stringify(value)} ${why}.`,
      { column, value },
    );
  };
  return {
    inputs,
    width,
    featureNames: outputs.map(({ name }) => name),
    codes: outputs.flatMap(({ codes, input }, output) =>
      codes === undefined ? [] : [{ output, column: inputs[input]!.name, size: codes }],
    ),
    registers,
    run(out, offset, describe) {
      try {
        for (let i = 0; i < operations.length; i++) operations[i]!(registers);
      } catch (error) {
        if (!(error instanceof RefusedCell)) throw error;
        throw refused(error.input, error.message, describe);
      }
      for (let i = 0; i < width; i++) {
        out[offset + i] = registers[from[i]!]!;
        if (Number.isFinite(out[offset + i]!)) continue;
        const { input } = outputs[i]!;
        throw refused(
          input,
          describe(input) === '' ? 'has no value, and no step fills it' : 'gives no finite number',
          describe,
        );
      }
    },
  };
}

/** All texts that a step knows of a column; those of a boolean one begin with false and true. */
function textsOf({ name, type }: PipelineInput, branches: readonly FittedBranch[]): string[] {
  const texts = new Set<string>(type === 'boolean' ? ['false', 'true'] : []);
  const add = (text: unknown): void => {
    if (typeof text === 'string') texts.add(text);
  };
  for (const { steps } of branches) {
    for (const step of steps) {
      const j = step.columns.indexOf(name);
      if (j < 0) continue;
      if (step.kind === 'simple_imputer') add(step.statistics[j]);
      else if (step.kind === 'target_encoder') step.categories[j]!.forEach(add);
      else if (
        step.kind === 'one_hot_encoder' ||
        step.kind === 'ordinal_encoder' ||
        step.kind === 'category_codes'
      )
        step.features[j]!.categories.forEach(add);
    }
  }
  return [...texts];
}

function numericOutput(program: PipelineProgram, cell: PipelineCell, input: PipelineInput): PipelineCell {
  if (cell.texts !== undefined && input.type === 'categorical') {
    throw new TabularError(
      'RK_TABULAR_COLUMN_TYPE',
      `Column "${input.name}" is categorical and no step makes numbers of it; give it an encoder.`,
      { column: input.name },
    );
  }
  return numbersOf(program, cell);
}

function missing(column: string): never {
  throw new TabularError(
    'RK_TABULAR_COLUMN_MISSING',
    `The pipeline reads the column "${column}", which is none of its inputs.`,
    { column },
  );
}
