import { RunState, Run } from '@rookery/proto/rookery/registry/v1/registry';
import { expect, it } from 'vitest';

import type { RunDocument } from '../src/domain/run-document.js';
import { runView } from '../src/domain/run-view.js';

it('shows a run whose curves an earlier release recorded, without what it did not record', () => {
  const history = { loss: [2, 1], metricName: 'accuracy', metric: [0.5, 0.6] };
  const document = {
    _id: 'run-0000000000000001',
    state: RunState.RUN_STATE_TRAINING,
    createdAtMs: 1,
    updatedAtMs: 2,
    jobs: { f0: { trained: { fold: 0, final: false, durationMs: 3, traceId: '', history } } },
  } as unknown as RunDocument;
  const run = Run.decode(Run.encode(runView(document)).finish());
  expect(run.jobs[0]?.history).toMatchObject({ ...history, valLoss: [], epochs: [], bestEpoch: 0 });
});
