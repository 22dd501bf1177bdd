import { encodeCategories } from '../preprocess/category-groups.js';
import type { FittedCategories } from '../preprocess/category-groups.js';

/** Code of a missing cell, and of a text that no step knows. */
export const NO_VALUE = -1;
export const NOT_KNOWN = -2;

/** Numbers of a row under way, and what happens to them: an operation writes registers that were not written before. */
export interface PipelineProgram {
  readonly operations: Operation[];
  registers: number;
}

/** One step of the way of a row; throws a RefusedCell where the row can't be encoded. */
export type Operation = (registers: Float64Array) => void;

/** A cell of a row between two steps: a register that holds a number (NaN: missing) or a code into texts. */
export interface PipelineCell {
  readonly name: string;
  readonly register: number;
  /** Position of the raw column that it comes from. */
  readonly input: number;
  /** Texts by code, for coded cells. */
  readonly texts?: readonly string[];
  /** Of integer codes for an embedding: how many there are. */
  readonly codes?: number;
}

/** Thrown by an operation; the caller knows the row and the raw cell. */
export class RefusedCell extends Error {
  readonly input: number;

  constructor(input: number, why: string) {
    super(why);
    this.input = input;
  }
}

/** A register of its own. */
export function newRegister(program: PipelineProgram): number {
  return program.registers++;
}

/** Position of a cell's category after grouping, −1 for one that was not fitted. */
export function categoryLookup(cell: PipelineCell, feature: FittedCategories): (value: number) => number {
  const missing = encodeCategories(feature, [null])[0]!;
  if (cell.texts !== undefined) {
    const positions = encodeCategories(feature, cell.texts);
    return (code) => (code >= 0 ? positions[code]! : code === NO_VALUE ? missing : -1);
  }
  const numbers = feature.categories.filter((category) => typeof category === 'number');
  const positions = encodeCategories(feature, numbers);
  const byNumber = new Map(numbers.map((number, i) => [number, positions[i]!]));
  return (value) => (Number.isNaN(value) ? missing : (byNumber.get(value) ?? -1));
}

/** Whether a value of the cell's register is a missing one. */
export function isMissing(cell: PipelineCell, value: number): boolean {
  return cell.texts === undefined ? Number.isNaN(value) : value === NO_VALUE;
}
