import type { DeadLetterBox, StoredDeadLetter } from '@rookery/bus';
import { RookeryError, events, runIdOf } from '@rookery/contracts';
import type { Dataset } from '@rookery/proto/rookery/ingest/v1/ingest';
import { RunState } from '@rookery/proto/rookery/registry/v1/registry';
import type { Run } from '@rookery/proto/rookery/registry/v1/registry';

/** What the rest of the system knows: the part of the client that is asked about a letter. */
export interface SystemView {
  run(runId: string): Promise<Run>;
  datasets(filter: { name?: string; limit?: number }): Promise<Dataset[]>;
}

/** What a redrive will not change, and what to do instead. */
export interface RedriveNote {
  /** The run that the event belongs to, or would begin. */
  readonly runId: string | undefined;
  /** Undefined where nothing stands against it. */
  readonly note: string | undefined;
}

/** The dead letters, and what redriving one means to its run. */
export interface DeadLetters extends DeadLetterBox {
  /** See {@link redriveNoteOf}. */
  noteOf(letter: StoredDeadLetter): Promise<RedriveNote>;
}

/** Joins the dead letters of the bus with what the services know. */
export function openDeadLetters(box: DeadLetterBox, system: SystemView): DeadLetters {
  return { ...box, noteOf: (letter) => redriveNoteOf(letter, system) };
}

const ended: ReadonlyMap<RunState, string> = new Map([
  [RunState.RUN_STATE_PROMOTED, 'promoted'],
  [RunState.RUN_STATE_REJECTED, 'rejected'],
  [RunState.RUN_STATE_FAILED, 'failed'],
  [RunState.RUN_STATE_CANCELLED, 'cancelled'],
]);

/**
 * Says before a redrive what it can't bring back: the end of a run, which only a resumption of a failed one changes, and a
 * request that became a data set. Never fails: where a service can't be asked, the note says so.
 */
export async function redriveNoteOf(letter: StoredDeadLetter, system: SystemView): Promise<RedriveNote> {
  const request = letter.letter.subject === events.datasetReady.type;
  const runId = request ? runIdOf(letter.letter.eventId) : runIdOfLetter(letter);
  if (runId === undefined) return { runId, note: undefined };
  try {
    return { runId, note: request ? await noteOfRequest(letter, system) : await noteOfRun(runId, system) };
  } catch (error) {
    if (error instanceof RookeryError && error.code === 'RK_RUN_NOT_FOUND') return { runId, note: undefined };
    const why = error instanceof Error ? error.message : String(error);
    return {
      runId,
      note: `Whether run ${runId} has ended could not be asked (${why}). If it has, its state stays: see rookery runs ${runId}.`,
    };
  }
}

/** The run that a letter's event belongs to: by subject, payload or correlation; undefined for an event without one. */
export function runIdOfLetter({ letter, payload }: StoredDeadLetter): string | undefined {
  const inSubject = /\.(run-[\da-f]{16})(?:-f\d+|-final)?$/.exec(letter.subject)?.[1];
  if (inSubject !== undefined) return inSubject;
  const inPayload = /"run_?[iI]d"\s*:\s*"(run-[\da-f]{16})"/.exec(
    Buffer.from(payload ?? []).toString('latin1'),
  )?.[1];
  if (inPayload !== undefined) return inPayload;
  return /^run-[\da-f]{16}$/.exec(letter.correlationId)?.[0];
}

async function noteOfRun(runId: string, system: SystemView): Promise<string | undefined> {
  const run = await system.run(runId);
  const state = ended.get(run.state);
  if (state === undefined) return undefined;
  const because = run.code === '' ? '' : ` (${run.code})`;
  if (run.state === RunState.RUN_STATE_FAILED) {
    return (
      `Run ${runId} has failed${because}. The event is handled again, but the run stays failed until it is resumed: ` +
      `rookery runs resume ${runId} does whatever is missing.`
    );
  }
  return (
    `Run ${runId} has ended as ${state}${because} and stays so: a final state never changes. The event is handled again, ` +
    'but no model comes of it. Publish the data set again for a new run.'
  );
}

async function noteOfRequest(
  { letter, payload }: StoredDeadLetter,
  system: SystemView,
): Promise<string | undefined> {
  const name = /"name"\s*:\s*"([\w-]{1,64})"/.exec(Buffer.from(payload ?? []).toString('latin1'))?.[1];
  const answers = await system.datasets({ ...(name === undefined ? {} : { name }), limit: 1_000 });
  const answer = answers.find(({ requestEventId }) => requestEventId === letter.eventId);
  // A request that ingest gave up is taken in again.
  if (answer === undefined || answer.state === 'rejected') return undefined;
  return (
    `Request ${letter.eventId} is data set ${answer.name} ${answer.version}, and that is final for its id: sending it again ` +
    'as it is does nothing. Use --as-new to send it as a new request with a run of its own.'
  );
}
