import { decodeMeta } from '@rookery/bus';
import type { Bus, EventMeta, Logger, Stop } from '@rookery/bus';
import { events } from '@rookery/contracts';
import type { EventType } from '@rookery/contracts';
import type { FoldProgress } from '@rookery/proto/rookery/events/v1/run';

/** Who is told. */
export interface BusListener {
  event(meta: EventMeta): void;
  progress(progress: FoldProgress): void;
}

/** Events shown live: all but captures and labels, which come by the thousand and would drive the others out. */
const shown: readonly EventType<never>[] = (Object.values(events) as unknown as EventType<never>[]).filter(
  (event) => event.type !== events.predictionCaptured.type && event.type !== events.labelReceived.type,
);

/** Tells the events of the last `count` places of the log that are still there, then everything live. */
export async function watchBus(
  bus: Pick<Bus, 'tail' | 'subscribeProgress' | 'jsm'>,
  listener: BusListener,
  logger: Pick<Logger, 'warn'>,
  count = 100,
): Promise<Stop> {
  // Live events wait until the past ones are told; one that is in both is told once.
  const told = new Set<string>();
  let waiting: EventMeta[] | undefined = [];
  const tell = (meta: EventMeta): void => {
    listener.event(meta);
  };
  const stopTail = await bus.tail(
    shown.map((event) => event.filter),
    (event) => {
      const meta = withKey(event);
      if (waiting) waiting.push(meta);
      else tell(meta);
    },
  );
  const stopProgress = bus.subscribeProgress('*', (progress) => {
    listener.progress(progress);
  });
  try {
    for (const meta of await lastEvents(bus, count)) {
      told.add(meta.id);
      tell(meta);
    }
  } catch (error) {
    logger.warn({ err: error }, 'the last events can not be read; the feed begins now');
  }
  for (const meta of waiting) if (!told.has(meta.id)) tell(meta);
  waiting = undefined;
  return async () => {
    await Promise.all([stopTail(), stopProgress()]);
  };
}

async function lastEvents(bus: Pick<Bus, 'jsm'>, count: number): Promise<EventMeta[]> {
  const { state } = await bus.jsm.streams.info('ML_EVENTS');
  const found: EventMeta[] = [];
  for (let seq = Math.max(state.first_seq, state.last_seq - count + 1); seq <= state.last_seq; seq++) {
    // A place may be empty: its message has aged out or was deleted.
    const message = await bus.jsm.streams.getMessage('ML_EVENTS', { seq }).catch(() => null);
    if (!message) continue;
    const type = typeOf(message.subject);
    if (!type) continue;
    const envelope = {
      subject: message.subject,
      stream: 'ML_EVENTS',
      sequence: message.seq,
      storedAtNanos: BigInt(message.time.getTime()) * 1_000_000n,
      deliveryCount: 1,
    };
    found.push(decodeMeta(message.header, envelope, type));
  }
  return found;
}

function typeOf(subject: string): EventType<never> | undefined {
  return shown.find(
    (event) => subject === event.type || (event.keyed && subject.startsWith(`${event.type}.`)),
  );
}

/** Whoever publishes without headers still shows with the type and the key of the subject. */
function withKey(meta: EventMeta): EventMeta {
  const type = typeOf(meta.subject);
  if (!type) return meta;
  return { ...meta, type: type.type, key: type.keyed ? meta.subject.slice(type.type.length + 1) : '' };
}
