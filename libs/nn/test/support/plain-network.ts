import type { Activation, LayerSpec, Loss, ModelSpec } from '@rookery/nn';

type Rows = number[][];

const functions: Partial<Record<Activation, (z: number) => number>> = {
  linear: (z) => z,
  relu: (z) => Math.max(0, z),
  sigmoid: (z) => 1 / (1 + Math.exp(-z)),
  tanh: Math.tanh,
  elu: (z) => (z > 0 ? z : Math.expm1(z)),
  selu: (z) => 1.0507009873554805 * (z > 0 ? z : 1.6732632423543772 * Math.expm1(z)),
  silu: (z) => z / (1 + Math.exp(-z)),
  softplus: (z) => Math.log1p(Math.exp(z)),
  leaky_relu: (z) => (z > 0 ? z : 0.2 * z),
};

const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;

/** (x − mean) / √(variance + ε) of a list. */
function normalised(values: readonly number[], epsilon: number): number[] {
  const centre = mean(values);
  const variance = mean(values.map((v) => (v - centre) ** 2));
  return values.map((v) => (v - centre) / Math.sqrt(variance + epsilon));
}

const transposed = (rows: Rows): Rows => rows[0]!.map((_, j) => rows.map((row) => row[j]!));

/** Loss of a batch while training, computed as plainly as can be in double precision: what gradients are checked with. */
export function plainLoss(
  spec: Pick<ModelSpec, 'layers' | 'embeddings' | 'loss'>,
  parameters: readonly Float64Array[],
  rows: Rows,
  targets: Rows,
  weights: readonly number[],
  masks: readonly Float64Array[],
  positives?: readonly number[],
): number {
  let slot = 0;
  let mask = 0;
  let penalty = 0;
  const take = (): Float64Array => parameters[slot++]!;
  const punish = (values: Float64Array, l1 = 0, l2 = 0): void => {
    for (const v of values) penalty += l1 * Math.abs(v) + l2 * v * v;
  };
  const dense = (input: Rows, units: number, bias: boolean, kernel: Float64Array): Rows => {
    const offsets = bias ? take() : new Float64Array(units);
    return input.map((row) =>
      Array.from({ length: units }, (_, j) =>
        row.reduce((sum, v, k) => sum + v * kernel[k * units + j]!, offsets[j]!),
      ),
    );
  };
  const scaled = (input: Rows): Rows => {
    const [gamma, beta] = [take(), take()];
    return input.map((row) => row.map((v, j) => v * gamma[j]! + beta[j]!));
  };
  const layer = (one: LayerSpec, input: Rows, last: boolean): Rows => {
    switch (one.type) {
      case 'dense': {
        const kernel = take();
        punish(kernel, one.l1, one.l2);
        const sums = dense(input, one.units, one.useBias !== false, kernel);
        return last ? sums : sums.map((row) => row.map(functions[one.activation]!));
      }
      case 'activation':
        return input.map((row) => row.map(functions[one.activation]!));
      case 'dropout': {
        const values = masks[mask++]!;
        return input.map((row, i) => row.map((v, j) => v * values[i * row.length + j]!));
      }
      case 'batch_norm':
        return scaled(transposed(transposed(input).map((column) => normalised(column, one.epsilon))));
      case 'layer_norm':
        return scaled(input.map((row) => normalised(row, one.epsilon)));
      case 'residual': {
        const inner = one.layers.reduce((value, part) => layer(part, value, false), input);
        const width = inner[0]!.length;
        const shortcut = one.projection ? dense(input, width, true, take()) : input;
        return inner.map((row, i) => row.map((v, j) => v + shortcut[i]![j]!));
      }
    }
  };

  let values = embedded(spec.embeddings ?? [], rows, take, punish);
  for (const [i, one] of spec.layers.entries()) values = layer(one, values, i === spec.layers.length - 1);
  return (
    mean(values.map((row, i) => weights[i]! * rowLoss(spec.loss, row, targets[i]!, positives))) + penalty
  );
}

function embedded(
  embeddings: NonNullable<ModelSpec['embeddings']>,
  rows: Rows,
  take: () => Float64Array,
  punish: (values: Float64Array, l1?: number, l2?: number) => void,
): Rows {
  if (embeddings.length === 0) return rows;
  const taken = new Set(
    embeddings.flatMap(({ columns: [from, to] }) => Array.from({ length: to - from }, (_, i) => from + i)),
  );
  const parts = embeddings.map(({ columns: [from, to], vocabulary, dimension, l2 }) => {
    const table = take();
    punish(table, 0, l2);
    return (row: number[]): number[] =>
      Array.from({ length: dimension }, (_, j) =>
        vocabulary === undefined
          ? row.slice(from, to).reduce((sum, v, k) => sum + v * table[k * dimension + j]!, 0)
          : table[row[from]! * dimension + j]!,
      );
  });
  return rows.map((row) => [...row.filter((_, j) => !taken.has(j)), ...parts.flatMap((part) => part(row))]);
}

function rowLoss(loss: Loss, values: number[], targets: number[], positives?: readonly number[]): number {
  if (loss === 'sparse_categorical_crossentropy')
    return Math.log(values.reduce((sum, v) => sum + Math.exp(v), 0)) - values[targets[0]!]!;
  return mean(
    values.map((v, j) => {
      const target = targets[j]!;
      const error = Math.abs(v - target);
      if (loss === 'mse') return error ** 2;
      if (loss === 'mae') return error;
      if (loss === 'huber') return error <= 1 ? error ** 2 / 2 : error - 0.5;
      // As PyTorch defines BCEWithLogitsLoss.
      const [here, absent] = [1 / (1 + Math.exp(-v)), 1 / (1 + Math.exp(v))];
      return -((positives?.[j] ?? 1) * target * Math.log(here) + (1 - target) * Math.log(absent));
    }),
  );
}
