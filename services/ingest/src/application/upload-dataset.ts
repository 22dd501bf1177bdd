import { createHash } from 'node:crypto';

import { events, runIdOf, TerminalError } from '@rookery/contracts';
import type { Bus } from '@rookery/bus';
import type { DatasetReady } from '@rookery/proto/rookery/events/v1/dataset';
import type { UploadDatasetRequest, UploadDatasetResponse } from '@rookery/proto/rookery/ingest/v1/ingest';

import { formatOfEnding } from '../domain/formats/dataset-format.js';
import type { DatasetFormat } from '../domain/formats/dataset-format.js';
import { checkRequest } from '../domain/training-request.js';
import type { Artifacts } from './ports.js';
import { checksumMismatch, tooLarge } from './read-source.js';

/** What an upload works with. */
export interface UploadDependencies {
  readonly artifacts: Artifacts;
  readonly bus: Pick<Bus, 'publish'>;
  readonly maxBytes: number;
  /** Id of the event that the upload publishes. */
  readonly newId: () => string;
}

const mediaTypes: Readonly<Record<DatasetFormat, string>> = {
  csv: 'text/csv',
  jsonl: 'application/x-ndjson',
  parquet: 'application/vnd.apache.parquet',
  arrow: 'application/vnd.apache.arrow.stream',
};

/**
 * Takes an upload: the description first, then the file in chunks of any size. The file is stored as it is, under its
 * sha256, and ml.dataset.ready is published for it once it is all there and has the expected sha256. A description
 * that can't be used is refused before a byte is stored; an upload over the limit, as soon as it is.
 */
export function createUploadDataset(
  dependencies: UploadDependencies,
): (requests: AsyncIterable<UploadDatasetRequest>) => Promise<UploadDatasetResponse> {
  const { artifacts, bus, newId } = dependencies;
  return async (requests) => {
    const messages = requests[Symbol.asyncIterator]();
    const description = await descriptionOf(messages);
    const request = checkRequest({ ...description, uri: 'upload' });
    const format = request.format ?? formatOfEnding(description.uri);
    const source = await artifacts.putStream(
      chunksOf(messages, dependencies.maxBytes, request.sha256),
      format === undefined ? 'application/octet-stream' : mediaTypes[format],
    );
    const eventId = newId();
    const ready: DatasetReady = {
      ...description,
      uri: `artifact:${source.sha256}`,
      format: format ?? '',
      sha256: source.sha256,
    };
    await bus.publish(events.datasetReady, '', ready, { id: eventId, correlationId: runIdOf(eventId) });
    return { eventId, runId: runIdOf(eventId), source };
  };
}

async function descriptionOf(messages: AsyncIterator<UploadDatasetRequest>): Promise<DatasetReady> {
  const first = await messages.next();
  if (first.done === true) throw invalid('The upload has no message at all: the description comes first');
  const { part } = first.value;
  if (part?.$case === 'description') return part.value;
  throw invalid(
    `The first message must be the description, not ${part === undefined ? 'an empty message' : 'a chunk'}`,
  );
}

async function* chunksOf(
  messages: AsyncIterator<UploadDatasetRequest>,
  maxBytes: number,
  expected: string | undefined,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let total = 0;
  for (let message = await messages.next(); message.done !== true; message = await messages.next()) {
    const { part } = message.value;
    if (part?.$case !== 'chunk') {
      throw invalid(
        part === undefined ? 'A message of the upload is empty' : 'The description may come only once',
      );
    }
    total += part.value.length;
    if (total > maxBytes) throw tooLarge('The upload', maxBytes);
    hash.update(part.value);
    if (part.value.length > 0) yield part.value;
  }
  // Thrown before the stream ends, so that nothing is stored.
  if (total === 0) throw new TerminalError('RK_DATASET_EMPTY', 'The upload has no bytes');
  const actual = hash.digest('hex');
  if (expected !== undefined && expected !== actual) throw checksumMismatch(expected, actual);
}

function invalid(message: string): TerminalError {
  return new TerminalError('RK_REQUEST_INVALID', message, {
    details: { field: 'part' },
    hint: 'Send one message with the description, then the chunks of the file.',
  });
}
