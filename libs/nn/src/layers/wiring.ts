import type { LayerMath } from './layer-math.js';
import type {
  AddOperation,
  ColumnsOperation,
  ConcatOperation,
  DropoutOperation,
  EmbeddingOperation,
} from './operation.js';

/** x · mask while training, where the mask is 0 or 1 / (1 − rate). */
export const dropoutMath: LayerMath<DropoutOperation> = {
  forward: (_op, [input], { algebra, masks, training }, place) => ({
    output: training ? algebra.multiply(input!, masks.get(place)!) : input!,
  }),
  backward: (_op, { gradient }, { algebra, masks }, place) => ({
    sources: [algebra.multiply(gradient, masks.get(place)!)],
  }),
};

/** The table's rows as a product with one-hot codes: exact, and its gradient is a product too. */
export const embeddingMath: LayerMath<EmbeddingOperation> = {
  forward({ vocabulary, table }, [codes], { algebra, parameters }) {
    const hot = algebra.oneHot(codes!, vocabulary);
    return { output: algebra.matmul(hot, parameters[table]!), saved: [hot] };
  },
  backward: ({ table }, { saved, gradient }) => ({
    sources: [undefined],
    parameters: [[table, { left: saved[0]!, right: gradient }]],
  }),
};

/** Planned on the network's input only, whose gradient nobody wants. */
export const columnsMath: LayerMath<ColumnsOperation> = {
  forward: ({ from, to }, [input], { algebra }) => ({ output: algebra.columns(input!, from, to) }),
  backward: () => ({ sources: [undefined] }),
};

export const concatMath: LayerMath<ConcatOperation> = {
  forward: (_op, inputs, { algebra }) => ({ output: algebra.concat(inputs) }),
  backward({ splits }, { gradient, wanted }, { algebra }) {
    let from = 0;
    return {
      sources: splits.map((width, i) => {
        const start = from;
        from += width;
        return wanted[i] ? algebra.columns(gradient, start, from) : undefined;
      }),
    };
  },
};

export const addMath: LayerMath<AddOperation> = {
  forward: (_op, inputs, { algebra }) => ({ output: inputs.reduce((sum, input) => algebra.add(sum, input)) }),
  backward: (op, { gradient }) => ({ sources: op.sources.map(() => gradient) }),
};
