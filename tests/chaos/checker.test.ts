import { events } from '@rookery/contracts';
import { describe, expect, it } from 'vitest';

import { checkHistory } from './checker.js';
import type { History, ModelRecord, StoredMessage } from './history.js';
import {
  batch,
  evaluated,
  firstRequest,
  firstRun,
  life,
  numbered,
  predictionId,
  refusedRequest,
  secondRun,
  soundHistory,
  stored,
} from './sound-history.js';

const sound = soundHistory();

function invariants(change: Partial<History>): string[] {
  return [...new Set(checkHistory({ ...sound, ...change }).violations.map(({ invariant }) => invariant))];
}

function without(event: { readonly type: string }, which = 0): StoredMessage[] {
  const left = sound.log.filter(({ subject }) => subject.startsWith(event.type));
  return sound.log.filter((message) => message !== left[which]);
}

function withModel(change: Partial<ModelRecord>): Pick<History, 'models'> {
  return { models: sound.models.map((model) => ({ ...model, ...change })) };
}

function withDatabases(change: Partial<History['databases']>): Pick<History, 'databases'> {
  return { databases: { ...sound.databases, ...change } };
}

const moves = sound.models[0]?.history ?? [];
const last = { replica: 'inference', timeMs: 1_000_100, dropped: 0, cutOff: false };

describe('the checker', () => {
  it('finds nothing in a sound history', () => {
    expect(checkHistory(sound)).toEqual({
      violations: [],
      captures: { answered: 4, captured: 4, dropped: 0, lostWithKilled: 0 },
    });
  });

  it('finds nothing where every event and every batch of captures is stored twice', () => {
    const log = numbered([...sound.log, ...sound.log]);
    const captures = numbered([...sound.captures, ...sound.captures]);
    expect(invariants({ log, captures })).toEqual([]);
  });

  it('finds nothing where a failed attempt was resumed and the run then completed', () => {
    const attempts = [
      stored(events.runFailed, firstRun, { runId: firstRun, code: 'RK_X', runAttempt: 1 }),
      stored(events.runResumed, firstRun, { runId: firstRun, runAttempt: 2 }),
    ];
    expect(invariants({ log: numbered([...attempts, ...sound.log]) })).toEqual([]);
    const without = attempts.slice(0, 1);
    expect(invariants({ log: numbered([...without, ...sound.log]) })).toEqual([
      'one final state for each data set',
    ]);
  });

  it('finds nothing where a request that was given up was taken in after all', () => {
    const history = [
      stored(events.datasetRejected, firstRequest, { requestEventId: firstRequest, code: 'RK_X' }),
      stored(events.datasetIngested, firstRequest, { requestEventId: firstRequest }),
    ];
    expect(invariants({ log: numbered([...history, ...sound.log]) })).toEqual([]);
  });

  it('finds a run that was cancelled and promoted', () => {
    const cancelled = stored(events.runCancelled, firstRun, { runId: firstRun, runAttempt: 1 });
    expect(invariants({ log: numbered([...sound.log, cancelled]) })).toEqual([
      'one final state for each data set',
    ]);
  });

  const cases: readonly (readonly [string, string, Partial<History>])[] = [
    [
      'a data set without a final state',
      'one final state for each data set',
      { log: without(events.runCompleted) },
    ],
    [
      'a refused data set without a word',
      'one final state for each data set',
      { log: without(events.datasetRejected) },
    ],
    [
      'a run that completed and failed',
      'one final state for each data set',
      { log: numbered([...sound.log, stored(events.runFailed, firstRun, { runId: firstRun })]) },
    ],
    [
      'a run that completed twice, by events of two ids',
      'one final state for each data set',
      {
        log: numbered([
          ...sound.log,
          stored(events.runCompleted, firstRun, { runId: firstRun, version: 1, outcome: 1 }, 'another'),
        ]),
      },
    ],
    [
      'a sound data set that is refused',
      'a fault does not change how a data set ends',
      { published: sound.published.map((one) => ({ ...one, expected: 'dataset-rejected' })) },
    ],
    [
      'a gate that takes what it must refuse',
      'a fault does not change how a data set ends',
      { published: sound.published.map((one, k) => (k === 0 ? { ...one, expected: 'gate-rejected' } : one)) },
    ],
    [
      'a run that the registry holds for open',
      'the registry knows the final state of the log',
      { runs: sound.runs.map((run) => ({ ...run, state: 'open' })) },
    ],
    [
      'a copy of an event with another content',
      'copies of an event are equal',
      { log: numbered([...sound.log, { ...evaluated(firstRun), raw: evaluated(firstRun, false).raw }]) },
    ],
    [
      'a copy of a batch of captures with another content',
      'copies of an event are equal',
      { captures: numbered([...sound.captures, batch(2, 2, [predictionId(3), predictionId(5)])]) },
    ],
    [
      'a run with two plans',
      'one plan for each run',
      {
        log: numbered([
          ...sound.log,
          stored(events.runStarted, 'x', { runId: firstRun, folds: 3, rows: 10 }),
        ]),
      },
    ],
    [
      'a run with two evaluations',
      'one evaluation for each run',
      { log: numbered([...sound.log, { ...evaluated(firstRun), id: 'another' }]) },
    ],
    ['an evaluation without a plan', 'each fold counts once', { log: without(events.runStarted) }],
    [
      'an accepted run that was never registered',
      'one version for each accepted run',
      { log: without(events.modelRegistered) },
    ],
    [
      'a run that was registered twice',
      'one version for each accepted run',
      {
        log: numbered([
          ...sound.log,
          stored(events.modelRegistered, 'x', { runId: firstRun, model: 'alpha', version: 3 }),
        ]),
      },
    ],
    [
      'a run that the registry keeps under another version than it completed with',
      'one version for each accepted run',
      withModel({
        versions: [
          { version: 1, runId: secondRun },
          { version: 2, runId: firstRun },
        ],
      }),
    ],
    [
      'a version number that was left out',
      'versions without gap or duplicate',
      withModel({
        versions: [
          { version: 1, runId: firstRun },
          { version: 3, runId: secondRun },
        ],
      }),
    ],
    [
      'a version number that was given twice',
      'versions without gap or duplicate',
      withModel({
        versions: [
          { version: 1, runId: firstRun },
          { version: 1, runId: secondRun },
        ],
      }),
    ],
    [
      'a revision of the alias that is missing',
      'alias history without gap or fork',
      withModel({ history: moves.filter(({ revision }) => revision === 2) }),
    ],
    [
      'a revision of the alias that was given twice',
      'alias history without gap or fork',
      withModel({ history: [...moves, { revision: 2, version: 3, previousVersion: 1, runId: 'x' }] }),
    ],
    [
      'a move that did not start from the version before',
      'alias history without gap or fork',
      withModel({ history: moves.map((move) => ({ ...move, previousVersion: 0 })) }),
    ],
    [
      'a champion that is not where its history ends',
      'alias history without gap or fork',
      withModel({ champion: { version: 1, revision: 1 } }),
    ],
    [
      'a move that was never announced',
      'alias history without gap or fork',
      { log: without(events.modelPromoted, 1) },
    ],
    ['a model that the registry lost', 'alias history without gap or fork', { models: [] }],
    [
      'a replica that serves the champion of before',
      'served is what was promoted last',
      { served: sound.served.map((item) => ({ ...item, version: 1 })) },
    ],
    ['a replica that serves nothing', 'served is what was promoted last', { served: [] }],
    [
      'a replica that serves the right version by an older move',
      'served is what was promoted last',
      { served: sound.served.map((item) => ({ ...item, revision: 1 })) },
    ],
    [
      'one of two replicas that serves the champion of before',
      'served is what was promoted last',
      {
        droppedNow: { inference: 0, 'inference-2': 0 },
        served: [...sound.served, { replica: 'inference-2', model: 'alpha', version: 1, revision: 1 }],
      },
    ],
    [
      'two callers who were told that they made the same revision',
      'alias history without gap or fork',
      {
        moves: [
          { model: 'alpha', revision: 2, version: 2 },
          { model: 'alpha', revision: 2, version: 2 },
        ],
      },
    ],
    [
      'a move that a caller was told of and the history lost',
      'alias history without gap or fork',
      { moves: [{ model: 'alpha', revision: 2, version: 1 }] },
    ],
    [
      'a move that a caller was told of beyond the end of the history',
      'alias history without gap or fork',
      { moves: [{ model: 'alpha', revision: 3, version: 1 }] },
    ],
    [
      'a run that began and never ended, and that no data set asked for',
      'no run hangs',
      { log: numbered([...sound.log, stored(events.runStarted, 'x', { runId: 'run-x', folds: 3 })]) },
    ],
    [
      'a run that the registry alone knows, and holds for open',
      'no run hangs',
      { runs: [...sound.runs, { runId: 'run-x', state: 'open', version: 0 }] },
    ],
    [
      'a prediction that was answered twice',
      'every prediction is answered once',
      { answers: [...sound.answers, ...sound.answers.slice(3)] },
    ],
    ['a call that never ended', 'every prediction is answered once', { calls: { ...sound.calls, asked: 6 } }],
    [
      'a call that was answered with two predictions',
      'every prediction is answered once',
      { calls: { ...sound.calls, answered: 3, otherwise: 1 } },
    ],
    [
      'an answer of a version that was never champion',
      'versions never go back on a connection',
      { answers: sound.answers.map((answer) => ({ ...answer, version: 7 })) },
    ],
    [
      'a connection that sees an older version again',
      'versions never go back on a connection',
      { answers: [2, 0, 1].flatMap((k) => sound.answers[k] ?? []) },
    ],
    [
      'an answer without a capture',
      'an answered prediction is captured or counted as dropped',
      { captures: sound.captures.slice(0, 1) },
    ],
    [
      'more answers without a capture than were dropped',
      'an answered prediction is captured or counted as dropped',
      { captures: sound.captures.slice(0, 1), droppedNow: { inference: 1 } },
    ],
    [
      'an answer without a capture of a replica that was stopped in order',
      'an answered prediction is captured or counted as dropped',
      { captures: sound.captures.slice(0, 1), lifeEnds: [{ ...last, how: 'stopped' }] },
    ],
    [
      'a prediction in two batches',
      'a prediction is captured once',
      { captures: numbered([...sound.captures, batch(3, 2, [predictionId(4)])]) },
    ],
    [
      'a capture with another label than was answered',
      'a capture is what was answered',
      { captures: numbered([batch(1, 1, [1, 2].map(predictionId), 'b'), ...sound.captures.slice(1)]) },
    ],
    [
      'a killed replica that lost what it should have sent long before',
      'a killed replica loses no more than its buffer',
      { captures: [], lifeEnds: [{ ...last, timeMs: 1_060_000, how: 'killed' }] },
    ],
    [
      'a killed replica that lost more than its buffer holds',
      'a killed replica loses no more than its buffer',
      {
        captures: [],
        capture: { bufferRows: 3, flushMs: 250 },
        lifeEnds: [{ ...last, how: 'killed', cutOff: true }],
      },
    ],
    [
      'a decision that is never announced',
      'what was decided is announced',
      withDatabases({ unannounced: ['registry/models.db: alpha has 1 entries'] }),
    ],
    [
      'a move that the database lost',
      'the databases hold what the log tells',
      withDatabases({ aliasChanges: sound.databases.aliasChanges.slice(1) }),
    ],
    [
      'a move that the database holds twice',
      'the databases hold what the log tells',
      withDatabases({ aliasChanges: [...sound.databases.aliasChanges, ...sound.databases.aliasChanges] }),
    ],
    [
      'a version in the database that was never registered in the log',
      'the databases hold what the log tells',
      withDatabases({
        versions: [...sound.databases.versions, { model: 'alpha', version: 3, runId: 'run-x' }],
      }),
    ],
    [
      'an evaluation in the database that lacks a fold',
      'the databases hold what the log tells',
      withDatabases({ evaluations: sound.databases.evaluations.map((one) => ({ ...one, folds: [0, 2] })) }),
    ],
    [
      'a prediction that the monitor counts twice',
      'the monitor counts a prediction once',
      withDatabases({ keptPredictions: [predictionId(1), predictionId(1)] }),
    ],
    [
      'a service that ended by itself',
      'a service ends only when it is told to',
      { crashes: ['trainer ended'] },
    ],
  ];

  it.each(cases)('finds %s', (_, invariant, change) => {
    expect(invariants(change)).toContain(invariant);
  });

  interface Wrong {
    readonly folds?: readonly number[];
    readonly rows?: readonly number[];
    readonly counts?: readonly number[];
    readonly mean?: number;
  }
  it.each<readonly [string, Wrong]>([
    ['a fold twice', { folds: [0, 1, 1] }],
    ['a fold too few', { folds: [0, 1] }],
    ['rows that add up to more', { rows: [4, 4, 3] }],
    ['a confusion matrix that adds up to more', { counts: [4, 1, 1, 5] }],
    ['a mean that is not that of its folds', { mean: 0.9 }],
  ])(
    'finds an evaluation with %s',
    (_, { folds = [0, 1, 2], rows = [4, 3, 3], counts = [5, 0, 0, 5], mean = 0.8 }) => {
      const wrong = stored(events.runEvaluated, firstRun, {
        runId: firstRun,
        model: 'alpha',
        metrics: { accuracy: { mean, std: 0 } },
        folds: folds.map((fold, k) => ({ fold, rows: rows[k], metrics: { accuracy: 0.8 } })),
        confusion: { classes: ['a', 'b'], counts },
        verdict: { passed: true },
      });
      const log = sound.log.map((message) =>
        message.id === wrong.id ? { ...wrong, sequence: message.sequence } : message,
      );
      expect(invariants({ log })).toEqual(['each fold counts once']);
    },
  );

  it('counts answers without a capture against what was dropped, and against a killed replica', () => {
    const captures = sound.captures.slice(0, 1);
    const dropped = checkHistory({ ...sound, captures, droppedNow: { inference: 2 } });
    expect(dropped).toEqual({
      violations: [],
      captures: { answered: 4, captured: 2, dropped: 2, lostWithKilled: 0 },
    });
    const killed = checkHistory({ ...sound, captures, lifeEnds: [{ ...last, how: 'killed' }] });
    expect(killed).toEqual({
      violations: [],
      captures: { answered: 4, captured: 2, dropped: 0, lostWithKilled: 2 },
    });
  });

  it('takes a champion that was moved back for what it is, and an answer that goes back behind that for a fault', () => {
    const log = numbered([
      ...sound.log,
      stored(events.modelRolledBack, 'back', {
        model: 'alpha',
        version: 1,
        alias: 'champion',
        aliasRevision: 3,
        previousVersion: 2,
      }),
    ]);
    const back: Partial<History> = {
      ...withModel({
        champion: { version: 1, revision: 3 },
        history: [...moves, { revision: 3, version: 1, previousVersion: 2, runId: firstRun }],
      }),
      log,
      moves: [{ model: 'alpha', revision: 3, version: 1 }],
      ...withDatabases({
        aliasChanges: [
          ...sound.databases.aliasChanges,
          { model: 'alpha', alias: 'champion', revision: 3, version: 1 },
        ],
      }),
      served: sound.served.map((item) => ({ ...item, version: 1, revision: 3 })),
    };
    const seen = (versions: readonly number[]): Pick<History, 'answers' | 'captures'> => ({
      answers: sound.answers.flatMap((answer, k) => ({ ...answer, version: versions[k] ?? 0 })),
      captures: numbered(versions.map((version, k) => batch(k + 1, version, [predictionId(k + 1)]))),
    });
    expect(invariants({ ...back, ...seen([1, 2, 2, 1]) })).toEqual([]);
    expect(invariants({ ...back, ...seen([1, 2, 1, 2]) })).toEqual([
      'versions never go back on a connection',
    ]);
  });

  it('holds each replica to its own drops and its own end', () => {
    const captures = sound.captures.slice(0, 1);
    const other = { ...last, replica: 'inference-2', how: 'killed' as const };
    expect(invariants({ captures, lifeEnds: [other] })).toEqual([
      'an answered prediction is captured or counted as dropped',
    ]);
    expect(
      invariants({ captures, droppedNow: { inference: 0, 'inference-2': 2 }, models: sound.models }),
    ).toContain('an answered prediction is captured or counted as dropped');
  });

  it('names the thing and the evidence', () => {
    const { violations } = checkHistory({ ...sound, captures: [], log: without(events.datasetRejected) });
    expect(violations).toEqual([
      expect.objectContaining({
        subject: expect.stringContaining('bad, round 1'),
        evidence: 'no final state',
      }),
      expect.objectContaining({
        subject: `replica life ${life}`,
        evidence: expect.stringContaining('4 of 4'),
      }),
    ]);
    expect(refusedRequest).toBe(sound.published[2]?.eventId);
  });
});
