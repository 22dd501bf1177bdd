import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

import { describe, expect, it } from 'vitest';

import type { TransformPlugin } from '../src/index.js';
import { exampleFolder } from './support/built-child.js';

interface Golden {
  readonly cases: readonly {
    readonly options: { readonly minRows: number; readonly maxFeatures: number };
    readonly train: readonly string[];
    readonly test: readonly string[];
    readonly names: readonly string[];
    readonly expected: readonly number[];
  }[];
}

const golden = JSON.parse(
  readFileSync(new URL('../../../tests/golden/sklearn/tfidf.json', import.meta.url), 'utf8'),
) as Golden;
const { default: tfidf } = (await import(pathToFileURL(`${exampleFolder('tfidf')}/index.js`).href)) as {
  default: TransformPlugin;
};

const text = (values: readonly (string | null)[]) => [{ name: 'note', type: 'categorical', values } as const];
const context = (rows: number) => ({ rows, seed: 1, random: () => 0, signal: new AbortController().signal });

describe('the words of texts of examples/plugins', () => {
  it.each(golden.cases)('are numbers as scikit-learn gives: $options', async (one) => {
    const { options, train, test, names, expected } = one;
    const state = await tfidf.fit(text(train), options, context(train.length));
    const loaded = await tfidf.load(state, options, [{ name: 'note', type: 'categorical' }]);
    expect(tfidf.featureNames(loaded)).toEqual(names);
    const numbers = Array.from(await tfidf.transform(loaded, text(test), test.length));
    expect(numbers).toHaveLength(expected.length);
    numbers.forEach((number, i) => expect(number).toBeCloseTo(expected[i]!, 12));
  });

  it('are none where the text is missing, and as many as asked for at most', async () => {
    const options = { minRows: 1, maxFeatures: 2 };
    const state = await tfidf.fit(text(['bb aa', 'aa cc', null]), options, context(3));
    const loaded = await tfidf.load(state, options, [{ name: 'note', type: 'categorical' }]);
    expect(tfidf.featureNames(loaded)).toEqual(['aa', 'bb']);
    expect(Array.from(await tfidf.transform(loaded, text([null]), 1))).toEqual([0, 0]);
  });
});
