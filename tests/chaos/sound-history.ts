import { encodePayload } from '@rookery/bus';
import { derivedEventId, events } from '@rookery/contracts';
import type { EventType } from '@rookery/contracts';

import { runOf } from './history.js';
import type { Answer, History, StoredMessage } from './history.js';

type Partial<T> = { readonly [K in keyof T]?: unknown };

/** A stored event of a hand-made history. The id is derived from type and cause, as that of a real one. */
export function stored<T>(event: EventType<T>, cause: string, data: Partial<T>, id?: string): StoredMessage {
  const message = event.message.fromPartial(data as Parameters<typeof event.message.fromPartial>[0]);
  return {
    sequence: 0,
    subject: event.subject('key'),
    id: id ?? derivedEventId(event.type, cause),
    raw: encodePayload(event, message),
  };
}

/** The first data set and the second of the history below, and one that is refused. */
export const [firstRequest, secondRequest, refusedRequest] = ['first', 'second', 'refused'] as const;
export const firstRun = runOf({ eventId: firstRequest });
export const secondRun = runOf({ eventId: secondRequest });

/** The evaluation of a run of three folds on ten rows. */
export function evaluated(runId: string, passed = true): StoredMessage {
  return stored(events.runEvaluated, runId, {
    runId,
    model: 'alpha',
    metrics: { accuracy: { mean: 0.8, std: 0 } },
    folds: [4, 3, 3].map((rows, fold) => ({ fold, rows, metrics: { accuracy: 0.8 } })),
    confusion: { classes: ['a', 'b'], counts: [4, 1, 1, 4] },
    verdict: { passed, metric: 'accuracy', value: 0.8, reasons: [] },
  });
}

function acceptedRun(runId: string, version: number): StoredMessage[] {
  const move = { alias: 'champion', aliasRevision: version, previousVersion: version - 1 };
  return [
    stored(events.runStarted, runId, { runId, folds: 3, rows: 10, model: 'alpha' }),
    evaluated(runId),
    stored(events.modelRegistered, runId, { runId, model: 'alpha', version }),
    stored(events.modelPromoted, runId, { runId, model: 'alpha', version, ...move }),
    stored(events.runCompleted, runId, { runId, model: 'alpha', version, outcome: 1 }),
  ];
}

/** Life of the replica that answered in the history below. */
export const life = 'lifelifelife';

/** Id of its n-th prediction. */
export function predictionId(n: number): string {
  return `${life}0000000${n}-0`;
}

function answer(n: number, version: number): Answer {
  return {
    replica: 'inference',
    connection: 0,
    model: 'alpha',
    version,
    predictionId: predictionId(n),
    label: 'a',
    timeMs: 1_000_000 + n,
  };
}

/** A batch of captures. */
export function batch(number: number, version: number, ids: readonly string[], label = 'a'): StoredMessage {
  const predictions = ids.map((id) => ({ predictionId: id, label }));
  const data = { model: 'alpha', version, replicaLife: life, batch: number, predictions };
  return stored(events.predictionCaptured, `${life}-${number}`, data);
}

/** What a system without a fault leaves behind: two champions, one refused data set, four captured predictions. */
export function soundHistory(): History {
  const published = { model: 'alpha', round: 1 };
  const history = [
    { revision: 1, version: 1, previousVersion: 0, runId: firstRun },
    { revision: 2, version: 2, previousVersion: 1, runId: secondRun },
  ];
  return {
    published: [
      { ...published, eventId: firstRequest, name: 'good', expected: 'completed' },
      { ...published, eventId: secondRequest, name: 'better', expected: 'completed' },
      { ...published, eventId: refusedRequest, name: 'bad', expected: 'dataset-rejected' },
    ],
    log: numbered([
      ...acceptedRun(firstRun, 1),
      stored(events.datasetRejected, refusedRequest, { requestEventId: refusedRequest, code: 'RK_X' }),
      ...acceptedRun(secondRun, 2),
    ]),
    captures: numbered([
      batch(1, 1, [predictionId(1), predictionId(2)]),
      batch(2, 2, [predictionId(3), predictionId(4)]),
    ]),
    runs: [
      { runId: firstRun, state: 'promoted', version: 1 },
      { runId: secondRun, state: 'promoted', version: 2 },
    ],
    models: [
      {
        name: 'alpha',
        latestVersion: 2,
        champion: { version: 2, revision: 2 },
        versions: history.map(({ version, runId }) => ({ version, runId })),
        history,
      },
    ],
    moves: [],
    databases: {
      unannounced: [],
      aliasChanges: history.map(({ revision, version }) => ({
        model: 'alpha',
        alias: 'champion',
        revision,
        version,
      })),
      versions: history.map(({ version, runId }) => ({ model: 'alpha', version, runId })),
      evaluations: history.map(({ runId }) => ({ runId, joined: true, folds: [0, 1, 2] })),
      keptPredictions: [1, 2, 3, 4].map(predictionId),
    },
    served: [{ replica: 'inference', model: 'alpha', version: 2, revision: 2 }],
    calls: { asked: 5, answered: 4, failed: 1, otherwise: 0 },
    answers: [answer(1, 1), answer(2, 1), answer(3, 2), answer(4, 2)],
    lifeEnds: [],
    droppedNow: { inference: 0 },
    capture: { bufferRows: 100, flushMs: 250 },
    crashes: [],
  };
}

/** The messages in this order, with sequences. */
export function numbered(messages: readonly StoredMessage[]): StoredMessage[] {
  return messages.map((message, k) => ({ ...message, sequence: k + 1 }));
}
