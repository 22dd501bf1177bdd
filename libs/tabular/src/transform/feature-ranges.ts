import type { FittedTransformer } from './fitted-transformer.js';

/** Where a column of the table lies among the outputs of a transformer. */
export interface FeatureRange {
  readonly name: string;
  /** First output and the one after the last. */
  readonly from: number;
  readonly to: number;
  /** One output a category; otherwise one number. */
  readonly categorical: boolean;
}

/** The outputs of each column, in their order; none where the transformer mixes columns and no output is one column's. */
export function featureRanges(fitted: FittedTransformer): FeatureRange[] {
  if (!('numeric' in fitted)) return [];
  let at = 0;
  const range = (name: string, width: number, categorical: boolean): FeatureRange => {
    const from = at;
    at += width;
    return { name, from, to: at, categorical };
  };
  return [
    ...fitted.numeric.map(({ column }) => range(column, 1, false)),
    ...fitted.categorical.map(({ column, categories }) => range(column, categories.length, true)),
  ];
}
