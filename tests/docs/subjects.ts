import { events, progressSubject, streams } from '@rookery/contracts';
import type { EventName, StreamDefinition } from '@rookery/contracts';

/** Who sends and takes an event, and what its subject ends with. Written by hand; a test compares it with the code. */
export interface Traffic {
  readonly key: string;
  readonly publishers: readonly string[];
  readonly consumers: readonly string[];
}

/** Those that are no service: anybody with a NATS client; the client library and CLI; the bus library in every service. */
export const outsiders = ['users', 'client', 'every service'] as const;

const t = (key: string, publishers: string, consumers: string): Traffic => ({
  key,
  publishers: publishers === '' ? [] : publishers.split(', '),
  consumers: consumers === '' ? [] : consumers.split(', '),
});

/** The traffic of every event of the table. */
export const traffic: Readonly<Record<EventName, Traffic>> = {
  datasetReady: t('—', 'users, client, ingest', 'ingest'),
  datasetIngested: t('name of the data set', 'ingest', 'transform, registry, client'),
  datasetRejected: t('name of the data set, or `unnamed`', 'ingest', 'client'),
  runStarted: t('run id', 'transform', 'evaluator, registry, client'),
  foldJob: t('run (or reproduction) and fold: `<run>-f3`, `<run>-final`', 'transform', 'trainer, registry'),
  foldTrained: t('run id', 'trainer', 'evaluator, registry, transform, client'),
  foldEvaluated: t('run id', 'evaluator', 'registry, client'),
  runEvaluated: t('run id', 'evaluator', 'registry, client'),
  runCompleted: t('run id', 'registry', ''),
  runFailed: t('run id', 'registry, transform', 'registry, client'),
  searchStarted: t('search id, which is a run id', 'transform', 'registry, client'),
  trialStarted: t('search id', 'transform', 'registry'),
  trialEvaluated: t('search id', 'evaluator', 'transform, registry, client'),
  trialFailed: t('search id', 'trainer', 'transform, registry, client'),
  searchCompleted: t('search id', 'transform', 'registry, client'),
  runResumed: t('run id', 'registry', 'transform, evaluator, client'),
  runCancelled: t('run id', 'registry', 'evaluator, trainer, transform, client'),
  runReproducing: t('run id', 'registry', 'transform'),
  foldReproduced: t('run id', 'trainer', 'registry'),
  runReproduced: t('run id', 'registry', 'client'),
  modelRegistered: t('name of the model', 'registry', 'monitor'),
  modelPromoted: t('name of the model', 'registry', 'inference, monitor, client'),
  modelRejected: t('name of the model', 'registry, inference', 'registry, client'),
  modelRolledBack: t('name of the model', 'registry', 'inference, monitor'),
  modelAliased: t('name of the model', 'registry', ''),
  inferenceSwapped: t('name of the model', 'inference', 'registry, client'),
  predictionCaptured: t('name of the model', 'inference', 'monitor'),
  labelReceived: t('any, such as the name of the model', 'users, monitor', 'monitor'),
  monitorReported: t('name of the model', 'monitor', ''),
  driftDetected: t('name of the model', 'monitor', ''),
  deadLetter: t('durable name of the consumer that gave up', 'every service', 'registry, transform'),
};

/** The text of docs/contracts/subjects.md. */
export function renderSubjects(): string {
  const rows = (Object.keys(events) as EventName[]).map((name) => {
    const event = events[name];
    const { key, publishers, consumers } = traffic[name];
    const message = event.messageName.split('.').at(-1) ?? '';
    const form = event.encoding === 'json' ? message : `${message} (binary)`;
    return `| \`${event.template}\` | ${key} | ${event.stream} | ${form} | ${cell(publishers)} | ${cell(consumers)} |`;
  });
  return [
    '# Subjects and streams',
    '',
    'Every subject is `ml.<entity>.<fact>.<key>`; a key is 1 to 64 of `A-Z a-z 0-9 _ -`. Messages are those of',
    '`proto/rookery/events/v1`, as proto3 JSON unless it says binary; headers: [headers.md](headers.md); how to publish:',
    '[events.md](events.md). This file is written from `libs/contracts/src/events.ts` and `streams.ts` by `npm run docs`; a test',
    'holds it to them, and compares publishers and consumers with the code of the services.',
    '',
    '| subject | key | stream | message | published by | consumed by |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
    `| \`${progressSubject('{run}')}\` | run id | none: core NATS, not stored | FoldProgress | trainer | client |`,
    '',
    '*users* is anybody with a NATS client; *client* is `@rookery/client` in the CLI, the demo and the console, which follow a',
    'run by ordered consumers that leave nothing behind. The console also shows what passes on all of these subjects. Without a',
    'consumer in the table, an event is for you, and for whoever reads the log later: a service that lost its database reads its own',
    'announcements again ([lost-database.md](../runbooks/lost-database.md)).',
    '',
    '## Streams',
    '',
    'All keep by limits, on file; the duplicate window is the time in which a message id is stored once.',
    '',
    '| stream | subjects | kept for | at most | duplicate window | what |',
    '| --- | --- | --- | --- | --- | --- |',
    ...streams.map(streamRow),
    '',
    'Why not a work queue: [ADR 0002](../adr/0002-limits-retention.md).',
    '',
  ].join('\n');
}

function cell(names: readonly string[]): string {
  return names.length === 0 ? '—' : names.join(', ');
}

function streamRow(stream: StreamDefinition): string {
  const subjects = stream.subjects.map((subject) => `\`${subject}\``).join(' ');
  const age = stream.maxAgeMs === 0 ? 'ever' : `${stream.maxAgeMs / 86_400_000} days`;
  const bytes = stream.maxBytes < 0 ? 'no bound' : `${stream.maxBytes / 1024 ** 2} MiB`;
  return `| ${stream.name} | ${subjects} | ${age} | ${bytes} | ${stream.duplicateWindowMs / 60_000} min | ${stream.description} |`;
}
