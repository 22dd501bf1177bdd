/** Names of the streams. */
export type StreamName = 'ML_EVENTS' | 'ML_JOBS' | 'ML_CAPTURES' | 'ML_DLQ' | 'ML_ADVISORIES';

/** What a stream keeps. Retention is always by limits, storage always on file. */
export interface StreamDefinition {
  readonly name: StreamName;
  readonly subjects: readonly string[];
  readonly description: string;
  /** Milliseconds; 0: for ever. */
  readonly maxAgeMs: number;
  /** −1: no bound. */
  readonly maxBytes: number;
  readonly duplicateWindowMs: number;
}

const day = 86_400_000;
const duplicateWindowMs = 600_000;

/** The topology: the only place that spells a stream. Work-queue retention is avoided on purpose (ADR 0002). */
export const streams: readonly StreamDefinition[] = [
  {
    name: 'ML_EVENTS',
    subjects: [
      'ml.dataset.>',
      'ml.run.>',
      'ml.fold.>',
      'ml.model.>',
      'ml.inference.>',
      'ml.monitor.>',
      'ml.drift.>',
      'ml.label.>',
      'ml.search.>',
      'ml.trial.>',
    ],
    description: 'The log of facts: everything can be rebuilt from it.',
    maxAgeMs: 0,
    maxBytes: -1,
    duplicateWindowMs,
  },
  {
    name: 'ML_JOBS',
    subjects: ['ml.job.>'],
    description: 'Training jobs.',
    maxAgeMs: 7 * day,
    maxBytes: -1,
    duplicateWindowMs,
  },
  {
    name: 'ML_CAPTURES',
    subjects: ['ml.prediction.>'],
    description: 'Captured predictions, in batches; the oldest go first.',
    maxAgeMs: 7 * day,
    maxBytes: 2 * 1024 ** 3,
    duplicateWindowMs,
  },
  {
    name: 'ML_DLQ',
    subjects: ['ml.dlq.>'],
    description: 'Messages that could not be handled.',
    maxAgeMs: 30 * day,
    maxBytes: -1,
    duplicateWindowMs,
  },
  {
    name: 'ML_ADVISORIES',
    subjects: [
      '$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>',
      '$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.>',
    ],
    description: "The server's own notes on messages that were given up.",
    maxAgeMs: 7 * day,
    maxBytes: 64 * 1024 ** 2,
    duplicateWindowMs,
  },
];
