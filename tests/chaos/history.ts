import { decodePayload } from '@rookery/bus';
import { runIdOf } from '@rookery/contracts';
import type { EventType } from '@rookery/contracts';

/** How a data set must end, whatever is done to the system meanwhile. */
export type Expectation =
  /** Its run completes: nothing is wrong with it. */
  | 'completed'
  /** Its run completes and its model is never registered. */
  | 'gate-rejected'
  /** It is refused before a run begins. */
  | 'dataset-rejected'
  /** It is refused, or its run fails. */
  | 'failed';

/** A data set that the suite published. */
export interface Published {
  readonly eventId: string;
  readonly name: string;
  readonly model: string;
  readonly expected: Expectation;
  readonly round: number;
}

/** A message as a stream holds it. */
export interface StoredMessage {
  readonly sequence: number;
  readonly subject: string;
  /** `ce-id`. */
  readonly id: string;
  readonly raw: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What the registry says about a model. */
export interface ModelRecord {
  readonly name: string;
  readonly latestVersion: number;
  readonly champion: { readonly version: number; readonly revision: number } | undefined;
  readonly versions: readonly { readonly version: number; readonly runId: string }[];
  readonly history: readonly {
    readonly revision: number;
    readonly version: number;
    readonly previousVersion: number;
    readonly runId: string;
  }[];
}

/** What the registry says about a run. */
export interface RunRecord {
  readonly runId: string;
  readonly state: 'open' | 'promoted' | 'rejected' | 'failed' | 'cancelled';
  readonly version: number;
}

/** An answered prediction of one row, as its caller got it. */
export interface Answer {
  readonly connection: number;
  readonly model: string;
  readonly version: number;
  readonly predictionId: string;
  readonly label: string;
  /** When the answer came, milliseconds. */
  readonly timeMs: number;
}

/** End of a life of the inference process. */
export interface LifeEnd {
  readonly timeMs: number;
  readonly how: 'killed' | 'stopped';
  /** Predictions that it said it dropped, as far as it could still say so. */
  readonly dropped: number;
  /** The broker could not be reached for some of the last seconds before. */
  readonly cutOff: boolean;
}

/** All that a checker needs to know of a run of the suite: no counter of the system but those of dropped captures. */
export interface History {
  readonly published: readonly Published[];
  /** ML_EVENTS, in its order. */
  readonly log: readonly StoredMessage[];
  /** ML_CAPTURES, in its order. */
  readonly captures: readonly StoredMessage[];
  readonly runs: readonly RunRecord[];
  readonly models: readonly ModelRecord[];
  readonly served: readonly { readonly model: string; readonly version: number }[];
  /** In the order in which they came. */
  readonly answers: readonly Answer[];
  readonly lifeEnds: readonly LifeEnd[];
  /** Predictions that the living replica says it dropped. */
  readonly droppedNow: number;
  /** Bounds of what may be lost with a killed replica. */
  readonly capture: { readonly bufferRows: number; readonly flushMs: number };
  /** Services that ended without having been told to. */
  readonly crashes: readonly string[];
}

/** An invariant that does not hold, with what shows it. */
export interface Violation {
  readonly invariant: string;
  /** Run, model or prediction it is about. */
  readonly subject: string;
  readonly evidence: string;
}

/** An event, once for all its copies. */
export interface DistinctEvent<T> {
  readonly id: string;
  readonly sequence: number;
  readonly data: T;
}

/** The events of a type, each id once, in the order of their first copy. */
export function distinctEvents<T>(
  messages: readonly StoredMessage[],
  event: EventType<T>,
): DistinctEvent<T>[] {
  const found = new Map<string, DistinctEvent<T>>();
  for (const { id, sequence, subject, raw } of messages) {
    const fits = event.keyed ? subject.startsWith(`${event.type}.`) : subject === event.type;
    if (fits && !found.has(id)) found.set(id, { id, sequence, data: decodePayload(event, raw) });
  }
  return [...found.values()];
}

/** Groups by a key, in the order of first appearance. */
export function groupBy<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}

/** Run that a published data set leads to. */
export function runOf({ eventId }: Pick<Published, 'eventId'>): string {
  return runIdOf(eventId);
}
