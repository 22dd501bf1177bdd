import { runIdOf } from '@rookery/contracts';
import { describe, expect, it } from 'vitest';

import { failureOf } from '../src/domain/run-failure.js';

const run = runIdOf('request');
const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const letter = {
  payload: json({}),
  code: 'RK_X',
  message: 'broke',
  attempts: 5,
  correlationId: '',
  service: '',
};

describe('what a dead letter means for a run', () => {
  it.each([
    [
      'transform',
      {
        subject: 'ml.dataset.ingested.penguins',
        payload: json({ requestEventId: 'request' }),
        service: 'transform',
      },
    ],
    [
      'transform',
      { subject: 'ml.dataset.ingested.penguins', payload: json('not an object'), correlationId: 'request' },
    ],
    ['transform', { subject: 'ml.dataset.ingested.penguins', payload: Buffer.from('{'), correlationId: run }],
    ['start', { subject: `ml.run.started.${run}`, service: 'evaluator' }],
    [
      'fold 3',
      { subject: `ml.job.fold.${run}-f3`, payload: json({ runId: run, fold: 3 }), service: 'trainer' },
    ],
    ['fold 3', { subject: `ml.job.fold.${run}-f3`, payload: Buffer.from([0]), service: 'trainer' }],
    ['fold 0', { subject: `ml.job.fold.${run}-f0`, payload: json({ runId: run }), service: 'trainer' }],
    [
      'final model',
      { subject: `ml.job.fold.${run}-final`, payload: json({ runId: run, fold: 5, final: true }) },
    ],
    [
      'evaluation of fold 2',
      { subject: `ml.fold.trained.${run}`, payload: json({ runId: run, fold: 2 }), service: 'evaluator' },
    ],
    ['evaluation', { subject: `ml.fold.trained.${run}`, payload: Buffer.from('?'), service: 'evaluator' }],
    [
      'join of fold 1',
      {
        subject: `ml.fold.evaluated.${run}`,
        payload: json({ runId: run, result: { fold: 1 } }),
        service: 'evaluator',
      },
    ],
    [
      'registration',
      { subject: `ml.run.evaluated.${run}`, payload: json({ runId: run, model: 'm' }), service: 'registry' },
    ],
  ])('names the step: %s (%#)', (step, given) => {
    expect(failureOf({ ...letter, ...given })).toMatchObject({
      runId: run,
      step,
      code: 'RK_X',
      message: 'broke',
      attempts: 5,
    });
  });

  it.each([
    ['a look-on of the registry', { subject: `ml.fold.trained.${run}`, service: 'registry' }],
    ['a look-on of the console', { subject: `ml.run.evaluated.${run}`, service: 'console' }],
    [
      'a promotion that a replica could not read',
      { subject: 'ml.model.promoted.penguins', service: 'inference' },
    ],
    ['captures', { subject: 'ml.prediction.captured.penguins', service: 'monitor' }],
    [
      'a request that began no run',
      { subject: 'ml.dataset.ready', service: 'ingest', correlationId: 'request' },
    ],
    ['a message without any run', { subject: 'ml.dataset.ingested.penguins', service: 'transform' }],
  ])('fails no run: %s', (_, given) => {
    expect(failureOf({ ...letter, ...given })).toBeUndefined();
  });
});
