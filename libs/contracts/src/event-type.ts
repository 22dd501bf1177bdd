import type { MessageFns } from '@rookery/proto/rookery/events/v1/dataset';

import { requireKey } from './ids.js';
import type { StreamName } from './streams.js';

/** One kind of event: the payload's message, its subject and its stream. */
export interface EventType<T> {
  /** Such as ml.dataset.ingested; also the CloudEvents type. */
  readonly type: string;
  readonly stream: StreamName;
  /** json: proto3 JSON. protobuf: binary. */
  readonly encoding: 'json' | 'protobuf';
  readonly message: MessageFns<T>;
  /** Fully qualified protobuf name. */
  readonly messageName: string;
  /** Whether the subject ends with a key. */
  readonly keyed: boolean;
  /** Subject of one event; throws RK_KEY_INVALID for a bad key. */
  subject(key: string): string;
  /** Subject filter of all events of this type. */
  readonly filter: string;
  /** Low-cardinality name of the destination, for telemetry. */
  readonly template: string;
  /** Published by users as well: unknown fields and wrong types are refused by name. */
  readonly strict: boolean;
  /** Text fields without which an event is of no use, as the message has them: an empty one is refused. */
  readonly required: readonly string[];
  /** Those of them that must be keys: consumers keep what they know under these names. */
  readonly keys: readonly string[];
  /** Accepts friendlier forms of a JSON payload, such as short names of enum values. */
  readonly prepare?: (json: Record<string, unknown>) => Record<string, unknown>;
}

/** Defines an event type; see {@link EventType}. */
export function defineEvent<T>(options: {
  readonly type: string;
  readonly message: MessageFns<T>;
  readonly messageName: string;
  readonly stream?: StreamName;
  readonly encoding?: 'json' | 'protobuf';
  readonly keyed?: boolean;
  readonly strict?: boolean;
  readonly required?: readonly (keyof T & string)[];
  readonly keys?: readonly (keyof T & string)[];
  readonly prepare?: (json: Record<string, unknown>) => Record<string, unknown>;
}): EventType<T> {
  const keyed = options.keyed ?? true;
  return {
    type: options.type,
    stream: options.stream ?? 'ML_EVENTS',
    encoding: options.encoding ?? 'json',
    message: options.message,
    messageName: options.messageName,
    keyed,
    subject: (key) => (keyed ? `${options.type}.${requireKey(key, 'key')}` : options.type),
    filter: keyed ? `${options.type}.*` : options.type,
    template: keyed ? `${options.type}.{key}` : options.type,
    strict: options.strict ?? false,
    required: [...(options.required ?? []), ...(options.keys ?? [])],
    keys: options.keys ?? [],
    ...(options.prepare ? { prepare: options.prepare } : {}),
  };
}
