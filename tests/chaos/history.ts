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

/** A move of champion that a caller was told to have happened. */
export interface AcknowledgedMove {
  readonly model: string;
  readonly revision: number;
  readonly version: number;
}

/** Calls for a prediction of one row, by how they ended. */
export interface CallCounts {
  readonly asked: number;
  /** With one prediction. */
  readonly answered: number;
  readonly failed: number;
  /** With none, or with more than one. */
  readonly otherwise: number;
}

/** An answered prediction of one row, as its caller got it. */
export interface Answer {
  /** Process that was asked. */
  readonly replica: string;
  readonly connection: number;
  readonly model: string;
  readonly version: number;
  readonly predictionId: string;
  readonly label: string;
  /** When the answer came, milliseconds. */
  readonly timeMs: number;
}

/** End of a life of a process that answers predictions. */
export interface LifeEnd {
  readonly replica: string;
  readonly timeMs: number;
  readonly how: 'killed' | 'stopped';
  /** Predictions that it said it dropped, as far as it could still say so. */
  readonly dropped: number;
  /** The broker could not be reached for some of the last seconds before. */
  readonly cutOff: boolean;
}

/** The databases of the services, as far as the log can be held against them. */
export interface Databases {
  /** Documents with something that is decided and not yet announced or copied out. */
  readonly unannounced: readonly string[];
  readonly aliasChanges: readonly {
    readonly model: string;
    readonly alias: string;
    readonly revision: number;
    readonly version: number;
  }[];
  readonly versions: readonly { readonly model: string; readonly version: number; readonly runId: string }[];
  /** What the evaluator has put together, with the numbers of the folds. */
  readonly evaluations: readonly {
    readonly runId: string;
    readonly joined: boolean;
    readonly folds: readonly number[];
  }[];
  /** Predictions that the monitor keeps. */
  readonly keptPredictions: readonly string[];
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
  /** Moves of champion that callers were told of; promotions are not among them. */
  readonly moves: readonly AcknowledgedMove[];
  readonly databases: Databases;
  /** What each replica says that it serves. */
  readonly served: readonly {
    readonly replica: string;
    readonly model: string;
    readonly version: number;
    readonly revision: number;
  }[];
  readonly calls: CallCounts;
  /** In the order in which they came. */
  readonly answers: readonly Answer[];
  readonly lifeEnds: readonly LifeEnd[];
  /** Predictions that each living replica says it dropped. */
  readonly droppedNow: Readonly<Record<string, number>>;
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
