import type { StoredDeadLetter } from '@rookery/bus';
import { TerminalError, runIdOf } from '@rookery/contracts';
import { DeadLetter } from '@rookery/proto/rookery/events/v1/monitoring';
import { Dataset } from '@rookery/proto/rookery/ingest/v1/ingest';
import { Run, RunState } from '@rookery/proto/rookery/registry/v1/registry';
import { describe, expect, it } from 'vitest';

import { redriveNoteOf, runIdOfLetter } from '../src/index.js';
import type { SystemView } from '../src/index.js';

const runId = 'run-0123456789abcdef';

function letterOf(fields: Partial<DeadLetter>, payload = ''): StoredDeadLetter {
  const letter = DeadLetter.fromPartial({
    subject: `ml.job.fold.${runId}-f0`,
    eventId: 'event-1',
    ...fields,
  });
  return {
    id: 7,
    letterId: 'dlq:1',
    storedAt: new Date(0),
    consumer: 'trainer',
    letter,
    readable: true,
    payload: Buffer.from(payload),
  };
}

function system(answers: { run?: Partial<Run>; datasets?: Partial<Dataset>[] }): SystemView {
  return {
    run: async (id) => {
      if (!answers.run) throw new TerminalError('RK_RUN_NOT_FOUND', `There is no run ${id}`);
      return Run.fromPartial({ runId: id, ...answers.run });
    },
    datasets: async () => (answers.datasets ?? []).map((dataset) => Dataset.fromPartial(dataset)),
  };
}

describe('the run of a letter', () => {
  it('is that of its subject, else of its payload, else of its correlation', () => {
    expect(runIdOfLetter(letterOf({}))).toBe(runId);
    expect(runIdOfLetter(letterOf({ subject: `ml.job.fold.${runId}-final` }))).toBe(runId);
    expect(runIdOfLetter(letterOf({ subject: `ml.run.started.${runId}` }))).toBe(runId);
    const subject = 'ml.model.registered.penguins';
    expect(runIdOfLetter(letterOf({ subject }, `{"model":"penguins","runId":"${runId}"}`))).toBe(runId);
    expect(runIdOfLetter(letterOf({ subject, correlationId: runId }))).toBe(runId);
  });

  it('is none where it names none', () => {
    expect(
      runIdOfLetter(letterOf({ subject: 'ml.label.received.k', correlationId: 'event-1' }, '{"label":"a"}')),
    ).toBeUndefined();
  });
});

describe('before a redrive', () => {
  it.each([
    [RunState.RUN_STATE_CANCELLED, 'cancelled (RK_RUN_CANCELLED)'],
    [RunState.RUN_STATE_PROMOTED, 'promoted'],
    [RunState.RUN_STATE_REJECTED, 'rejected'],
  ])('it is said that a run which has ended stays as it is (state %i)', async (state, word) => {
    const code = state === RunState.RUN_STATE_CANCELLED ? 'RK_RUN_CANCELLED' : '';
    const { note } = await redriveNoteOf(letterOf({}), system({ run: { state, code } }));
    expect(note).toContain(`Run ${runId} has ended as ${word} and stays so`);
  });

  it('it is said that a failed run stays failed until it is resumed, and how', async () => {
    const run = { state: RunState.RUN_STATE_FAILED, code: 'RK_TRAIN_DIVERGED' };
    const { note } = await redriveNoteOf(letterOf({}), system({ run }));
    expect(note).toContain(`Run ${runId} has failed (RK_TRAIN_DIVERGED)`);
    expect(note).toContain(`rookery runs resume ${runId}`);
  });

  it.each([RunState.RUN_STATE_TRAINING, RunState.RUN_STATE_EVALUATED])(
    'nothing is said of a run that goes on (state %i)',
    async (state) => {
      expect(await redriveNoteOf(letterOf({}), system({ run: { state } }))).toEqual({
        runId,
        note: undefined,
      });
    },
  );

  it('nothing is said of a run that nobody began', async () => {
    expect(await redriveNoteOf(letterOf({}), system({}))).toEqual({ runId, note: undefined });
  });

  it('a service that can not be asked is named, and nothing fails', async () => {
    const away: SystemView = {
      run: () => Promise.reject(new Error('14 UNAVAILABLE')),
      datasets: () => Promise.resolve([]),
    };
    const { note } = await redriveNoteOf(letterOf({}), away);
    expect(note).toContain('could not be asked (14 UNAVAILABLE)');
  });

  it('it is said that a request which became a data set stays that, and nothing of one that was given up', async () => {
    const request = letterOf({ subject: 'ml.dataset.ready' }, '{"name":"penguins"}');
    const refused = {
      name: 'penguins',
      state: 'rejected',
      code: 'RK_ATTEMPTS_EXHAUSTED',
      requestEventId: 'event-1',
    };
    const ingested = { name: 'penguins', state: 'ingested', version: 3, requestEventId: 'event-1' };
    const { note, runId: own } = await redriveNoteOf(
      request,
      system({ datasets: [{ requestEventId: 'other' }, ingested] }),
    );
    expect(own).toBe(runIdOf('event-1'));
    expect(note).toContain('is data set penguins 3');
    expect(note).toContain('--as-new');
    for (const datasets of [[refused], [{ requestEventId: 'other' }]]) {
      expect((await redriveNoteOf(request, system({ datasets }))).note).toBeUndefined();
    }
  });
});
