import type { ModelProblem } from '../interface/model-plugin.js';

/** Probabilities of a row add up to 1 within this. */
const sumTolerance = 1e-3;

/**
 * The answers of a plug-in as the system takes them, or what is wrong with them in words: a number of another length, one that is not finite,
 * probabilities that are none.
 */
export function checkedOutputs(
  answers: unknown,
  rows: number,
  { outputs, task }: Pick<ModelProblem, 'outputs' | 'task'>,
): Float32Array | string {
  const isList = Array.isArray(answers) || (ArrayBuffer.isView(answers) && !(answers instanceof DataView));
  if (!isList) return `gave ${answers === null ? 'null' : typeof answers} where a list of numbers is due`;
  const given = answers as ArrayLike<number>;
  if (given.length !== rows * outputs)
    return `gave ${given.length} numbers for ${rows} rows of ${outputs}, which are ${rows * outputs}`;
  const checked = new Float32Array(rows * outputs);
  for (let i = 0; i < checked.length; i += 1) {
    const value: unknown = given[i];
    if (typeof value !== 'number' || !Number.isFinite(Math.fround(value)))
      return `gave ${String(value).slice(0, 40)} as output ${i % outputs} of row ${Math.floor(i / outputs)}`;
    checked[i] = value;
  }
  if (task === 'regression') return checked;
  for (let row = 0; row < rows; row += 1) {
    let sum = 0;
    for (let k = 0; k < outputs; k += 1) {
      const probability = checked[row * outputs + k]!;
      if (probability < 0 || probability > 1) return `gave ${probability} as a probability in row ${row}`;
      sum += probability;
    }
    if (Math.abs(sum - 1) > sumTolerance) return `gave probabilities that sum to ${sum} in row ${row}`;
  }
  return checked;
}
