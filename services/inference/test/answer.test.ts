import { describe, expect, it } from 'vitest';

import { addPredictions, emptyAnswer } from '../src/domain/answer.js';
import type { AnsweringModel } from '../src/domain/answer.js';

const model = (classes: string[], labelSets?: AnsweringModel['labelSets']): AnsweringModel => ({
  name: 'm',
  version: 2,
  classes,
  outputs: classes.length,
  regression: false,
  labelSets,
  toTargetUnit: (output) => output,
});

const answerOf = (one: AnsweringModel, outputs: readonly number[]) => {
  const answer = emptyAnswer(one);
  addPredictions(answer, one, 'call', Float32Array.from(outputs), outputs.length / one.outputs);
  return answer.predictions;
};

describe('the answer of a multi-label model', () => {
  const topics = ['art', 'law', 'sea|side'];

  it('has the labels whose probability is above the threshold, in the order of the classes', () => {
    const [both, none, odd] = answerOf(
      model(topics, { threshold: 0.5, separator: '|' }),
      [0.75, 0.625, 0.5, 0.5, 0.25, 0, 0.1, 0.2, 0.9],
    );
    expect(both).toMatchObject({
      labels: ['art', 'law'],
      label: 'art|law',
      probabilities: [0.75, 0.625, 0.5],
    });
    expect(none).toMatchObject({ labels: [], label: '[]' });
    // A label with the separator in it could not be read again: such a set is written as a list.
    expect(odd).toMatchObject({ labels: ['sea|side'], label: '["sea|side"]', value: undefined });
  });

  it('goes by the threshold and the separator of the model', () => {
    const outputs = [0.75, 0.625, 0.5];
    expect(answerOf(model(topics, { threshold: 0.7, separator: '|' }), outputs)[0]?.labels).toEqual(['art']);
    expect(answerOf(model(topics, { threshold: 0.4, separator: '; ' }), outputs)[0]?.label).toBe(
      'art; law; sea|side',
    );
  });

  it('goes by the threshold of each label, where they have one of their own', () => {
    const labelSets = { threshold: [0.75, 0.5, 0.4], separator: '|' };
    expect(answerOf(model(topics, labelSets), [0.75, 0.625, 0.5])[0]?.labels).toEqual(['law', 'sea|side']);
  });

  it('is one class and no labels for any other classification', () => {
    expect(answerOf(model(topics), [0.2, 0.5, 0.3])[0]).toMatchObject({ label: 'law', labels: [] });
  });
});
