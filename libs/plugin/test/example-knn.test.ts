import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

import { describe, expect, it } from 'vitest';

import type { ModelPlugin, ModelProblem, PluginTask } from '../src/index.js';
import { exampleFolder } from './support/built-child.js';

interface Neighbours {
  readonly cases: readonly {
    readonly task: PluginTask;
    readonly options: { readonly k: number; readonly weights: string; readonly metric: string };
    readonly train: readonly number[];
    readonly targets: readonly number[];
    readonly test: readonly number[];
    readonly width: number;
    readonly outputs: number;
    readonly expected: readonly number[];
  }[];
}

const golden = JSON.parse(
  readFileSync(new URL('../../../tests/golden/sklearn/neighbours.json', import.meta.url), 'utf8'),
) as Neighbours;
const { default: knn } = (await import(pathToFileURL(`${exampleFolder('knn')}/index.js`).href)) as {
  default: ModelPlugin;
};

describe('the k nearest neighbours of examples/plugins', () => {
  it.each(golden.cases.map((one) => ({ ...one, title: `${one.task} ${JSON.stringify(one.options)}` })))(
    'answers as scikit-learn does: $title',
    async ({ task, options, train, targets, test, width, outputs, expected }) => {
      const problem: ModelProblem = {
        task,
        classes: task === 'regression' ? [] : Array.from({ length: outputs }, (_, k) => String(k)),
        outputs,
        features: Array.from({ length: width }, (_, k) => `x${k}`),
      };
      const rows = {
        features: Float32Array.from(train),
        rows: targets.length,
        width,
        targets: task === 'regression' ? Float32Array.from(targets) : Int32Array.from(targets),
      };
      const signal = new AbortController().signal;
      const context = { problem, seed: 1, random: () => 0, epoch: () => undefined, signal };
      const state = await knn.fit(rows, options, context);
      const model = await knn.load(state, options, problem);
      const asked = { features: Float32Array.from(test), rows: test.length / width, width };
      const answers = Array.from(await knn.predict(model, asked));
      expect(answers).toHaveLength(expected.length);
      answers.forEach((answer, i) => expect(answer).toBeCloseTo(expected[i]!, 12));
    },
  );

  it('refuses more neighbours than there are rows, by the name of the option', () => {
    const problem: ModelProblem = { task: 'regression', classes: [], outputs: 1, features: ['x'] };
    const rows = { features: Float32Array.of(1), rows: 1, width: 1, targets: Float32Array.of(1) };
    const context = {
      problem,
      seed: 1,
      random: () => 0,
      epoch: () => undefined,
      signal: new AbortController().signal,
    };
    expect(() => knn.fit(rows, { k: 2, weights: 'uniform', metric: 'euclidean' }, context)).toThrow('k is 2');
  });
});
