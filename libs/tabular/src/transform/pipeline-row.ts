import { parseDecimal } from '../table/infer-column.js';
import { compilePipeline } from './compile-pipeline.js';
import type { FittedPipeline } from './fitted-pipeline.js';
import { NOT_KNOWN, NO_VALUE } from './pipeline-cell.js';
import type { RowReader, RowTransformer } from './row-transformer.js';

/** A transformer of single rows: the program of `pipelineRows`, fed with a row's cells. */
export function pipelineRow(fitted: FittedPipeline): RowTransformer {
  const program = compilePipeline(fitted);
  const { registers, width } = program;
  const inputs = program.inputs.map(({ name, texts }) => ({
    name,
    codes: texts === undefined ? undefined : new Map(texts.map((text, code) => [text, code])),
  }));
  let reader: RowReader = () => null;
  const describe = (input: number): string => String(reader(inputs[input]!.name, input) ?? '').slice(0, 80);
  const transform = (read: RowReader, out: Float32Array, offset: number): void => {
    for (let i = 0; i < inputs.length; i++) {
      const { name, codes } = inputs[i]!;
      const cell = read(name, i);
      if (codes === undefined) {
        const value =
          typeof cell === 'number' ? cell : typeof cell === 'string' ? (parseDecimal(cell) ?? NaN) : NaN;
        registers[i] = Number.isFinite(value) ? value : NaN;
      } else if (typeof cell === 'string') registers[i] = codes.get(cell) ?? NOT_KNOWN;
      else if (typeof cell === 'boolean') registers[i] = codes.get(cell ? 'true' : 'false') ?? NOT_KNOWN;
      else if (typeof cell === 'number' && !Number.isNaN(cell))
        registers[i] = codes.get(String(cell)) ?? NOT_KNOWN;
      else registers[i] = NO_VALUE;
    }
    reader = read;
    program.run(out, offset, describe);
  };
  return Object.assign(transform, { inputs: inputs.map(({ name }) => name), width });
}
