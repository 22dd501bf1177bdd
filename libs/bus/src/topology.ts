import { setTimeout as sleep } from 'node:timers/promises';
import { DiscardPolicy, JetStreamApiError, RetentionPolicy, StorageType } from '@nats-io/jetstream';
import type { JetStreamManager, StreamConfig, StreamInfo } from '@nats-io/jetstream';
import { RetryableError, TerminalError } from '@rookery/contracts';
import type { StreamDefinition } from '@rookery/contracts';
import type { Logger } from './types.js';

/** How long a user that may not create streams waits for the one that does. */
const setUpDeadlineMs = 60_000;
const streamNotFound = 10059;
const nameInUse = 10058;
const subjectsOverlap = 10065;

type Wanted = Pick<
  StreamConfig,
  | 'name'
  | 'subjects'
  | 'retention'
  | 'storage'
  | 'discard'
  | 'max_age'
  | 'max_bytes'
  | 'duplicate_window'
  | 'num_replicas'
> & { description: string };

/**
 * Brings the broker to the table of streams: creates what is missing and applies what may be changed in place
 * (subjects are only added; ages, sizes, duplicate window, replicas and description follow the table). Safe when
 * many processes do it at once: whoever comes second finds the stream as it should be.
 *
 * @throws TerminalError `RK_BUS_TOPOLOGY` naming stream, property, and both values, where the server would have to
 *   delete the stream to comply (retention, storage) or another stream holds the subjects.
 */
export async function ensureStreams(
  jsm: JetStreamManager,
  table: readonly StreamDefinition[],
  replicas: number,
  logger: Logger,
): Promise<void> {
  for (const definition of table) await ensureStream(jsm, wantedConfig(definition, replicas), logger);
}

async function ensureStream(jsm: JetStreamManager, wanted: Wanted, logger: Logger): Promise<void> {
  const deadline = Date.now() + setUpDeadlineMs;
  for (let attempt = 1; ; attempt++) {
    try {
      const found = await findStream(jsm, wanted.name);
      if (!found) {
        await jsm.streams.add(wanted);
        logger.info({ stream: wanted.name, subjects: wanted.subjects }, 'stream created');
        return;
      }
      refuseImmutable(found.config, wanted);
      const changes = additiveChanges(found.config, wanted);
      if (Object.keys(changes).length === 0) return;
      try {
        await jsm.streams.update(wanted.name, { ...found.config, ...changes });
      } catch (error) {
        if (!isForbidden(error)) throw error;
        logger.info({ stream: wanted.name, changes }, 'stream differs, and another service is to change it');
        return;
      }
      logger.info({ stream: wanted.name, changes }, 'stream updated');
      return;
    } catch (error) {
      if (error instanceof TerminalError) throw error;
      if (isForbidden(error)) {
        if (Date.now() > deadline) throw forbidden(wanted, error);
        if (attempt === 1)
          logger.info({ stream: wanted.name }, 'waiting for the service that creates the stream');
        await sleep(100 + Math.random() * 100);
        continue;
      }
      const code = error instanceof JetStreamApiError ? error.code : undefined;
      // Somebody else created it between our look and our attempt, which the broker may tell as an overlap with it: look again.
      // Else JetStream may still be starting.
      if (code === subjectsOverlap && attempt >= 5) throw overlap(wanted, error);
      if (attempt >= 20) {
        if (code !== undefined && code !== nameInUse) throw refused(wanted, error);
        throw new RetryableError('RK_BUS_UNAVAILABLE', `stream ${wanted.name} could not be set up`, {
          cause: error,
        });
      }
      if (code !== undefined && code !== nameInUse && code !== subjectsOverlap && attempt >= 3)
        throw refused(wanted, error);
      await sleep(Math.min(1_000, 25 * 2 ** attempt) * (0.5 + Math.random() / 2));
    }
  }
}

async function findStream(jsm: JetStreamManager, name: string): Promise<StreamInfo | undefined> {
  try {
    return await jsm.streams.info(name);
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === streamNotFound) return undefined;
    throw error;
  }
}

function wantedConfig(definition: StreamDefinition, replicas: number): Wanted {
  return {
    name: definition.name,
    subjects: [...definition.subjects],
    description: definition.description,
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.Old,
    max_age: definition.maxAgeMs * 1_000_000,
    max_bytes: definition.maxBytes,
    duplicate_window: definition.duplicateWindowMs * 1_000_000,
    num_replicas: replicas,
  };
}

function refuseImmutable(found: StreamConfig, wanted: Wanted): void {
  for (const property of ['retention', 'storage'] as const) {
    if (found[property] !== wanted[property]) {
      throw new TerminalError(
        'RK_BUS_TOPOLOGY',
        `stream ${wanted.name} has ${property} "${found[property]}", but "${wanted[property]}" is needed, and that cannot be changed in place`,
        { details: { stream: wanted.name, property, found: found[property], wanted: wanted[property] } },
      );
    }
  }
}

function additiveChanges(found: StreamConfig, wanted: Wanted): Partial<Wanted> {
  const changes: Partial<Wanted> = {};
  const missing = wanted.subjects.filter((subject) => !found.subjects.includes(subject));
  if (missing.length > 0) changes.subjects = [...found.subjects, ...missing];
  for (const property of [
    'max_age',
    'max_bytes',
    'duplicate_window',
    'num_replicas',
    'discard',
    'description',
  ] as const) {
    if ((found[property] ?? '') !== wanted[property])
      Object.assign(changes, { [property]: wanted[property] });
  }
  return changes;
}

/** The broker lets this user look at streams, and not make them. */
function isForbidden(error: unknown): boolean {
  for (let at: unknown = error; at instanceof Error; at = at.cause)
    if (at.name === 'PermissionViolationError') return true;
  return false;
}

function forbidden(wanted: Wanted, cause: unknown): TerminalError {
  return new TerminalError(
    'RK_BUS_FORBIDDEN',
    `stream ${wanted.name} does not exist, and this user of the broker may not create it`,
    { hint: 'Start the registry: its user sets up the streams.', details: { stream: wanted.name }, cause },
  );
}

function overlap(wanted: Wanted, cause: unknown): TerminalError {
  return new TerminalError(
    'RK_BUS_TOPOLOGY',
    `stream ${wanted.name} cannot take ${wanted.subjects.join(', ')}: another stream holds some of these subjects`,
    { details: { stream: wanted.name, property: 'subjects', wanted: wanted.subjects.join(' ') }, cause },
  );
}

function refused(wanted: Wanted, cause: unknown): TerminalError {
  return new TerminalError(
    'RK_BUS_TOPOLOGY',
    `the broker refuses stream ${wanted.name}: ${cause instanceof Error ? cause.message : String(cause)}`,
    { details: { stream: wanted.name }, cause },
  );
}
