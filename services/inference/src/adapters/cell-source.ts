import type { OpenStep } from '@rookery/plugin';
import type { Row, Signature } from '@rookery/proto/rookery/domain/v1/data';
import { pluginStepsOf, rawColumnOf, rawColumns } from '@rookery/tabular';
import type { FittedTransformer, MadeColumn, RawColumn } from '@rookery/tabular';

import type { LoadedModel, MadeCells } from '../domain/loaded-model.js';
import { createRowReader } from '../domain/row-reader.js';
import type { Cell } from '../domain/row-reader.js';

/** Gives a transformer the cells of one row after the other: those of the request, and those that plug-ins made. */
export interface CellSource {
  /** Checks a row and makes it the one that `at` reads; `position` is its place in `made`. Throws the codes of the row reader. */
  read(row: Row, index: number, position: number, made: MadeCells | undefined): void;
  /** The cell of an input of the transformer. */
  readonly at: (column: string, index: number) => Cell;
  readonly prepare: LoadedModel['prepare'];
}

/** The source for a transformer with these inputs, whose plug-ins are open in their order. */
export function createCellSource(
  signature: Signature,
  transformer: FittedTransformer,
  inputs: readonly string[],
  steps: readonly OpenStep[],
): CellSource {
  if (steps.length === 0) {
    const reader = createRowReader(signature, inputs);
    let cells: readonly Cell[] = [];
    return {
      read: (row, index) => void (cells = reader.read(row, index)),
      at: (_, index) => cells[index]!,
      prepare: undefined,
    };
  }
  const raw = rawColumns(transformer);
  const reader = createRowReader(signature, raw);
  const made = steps.flatMap(({ outputs }) => outputs);
  // From 0 on: a raw cell. Below: a number that was made, the first being −1.
  const sources = inputs.map((name) => (raw.includes(name) ? raw.indexOf(name) : -1 - made.indexOf(name)));
  let cells: readonly Cell[] = [];
  let numbers: MadeCells = [];
  let place = 0;
  const prepare = async (rows: readonly Row[], from: number, to: number): Promise<MadeColumn[]> => {
    const read = rows.slice(from, to).map((row, i) => [...reader.read(row, from + i)]);
    const all: MadeColumn[] = [];
    for (const [i, { columns }] of pluginStepsOf(transformer).entries()) {
      const taken = columns.map(({ name, type }): RawColumn => {
        const at = raw.indexOf(name);
        return rawColumnOf(
          name,
          type,
          read.map((row) => row[at]!),
        );
      });
      all.push(...(await steps[i]!.apply(taken, to - from, 'features of a prediction')));
    }
    return all;
  };
  return {
    read(row, index, position, prepared) {
      cells = reader.read(row, index);
      numbers = prepared ?? [];
      place = position;
    },
    at(_, index) {
      const source = sources[index]!;
      return source >= 0 ? cells[source]! : numbers[-1 - source]!.values[place]!;
    },
    prepare,
  };
}
