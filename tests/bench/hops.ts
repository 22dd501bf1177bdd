import type { Bus, Stop } from '@rookery/bus';
import { events } from '@rookery/contracts';

/** A stretch of the path: from the one event to the next, as a live listener sees them pass. */
export interface Hop {
  readonly name: string;
  readonly ms: number;
}

/** What ends each stretch: the first or the last event of a type that a run has. */
const marks = [
  { name: 'publish', type: events.datasetReady.type, last: false },
  { name: 'ingest', type: events.datasetIngested.type, last: false },
  { name: 'plan', type: events.runStarted.type, last: false },
  { name: 'jobs out', type: events.foldJob.type, last: true },
  { name: 'train', type: events.foldTrained.type, last: true },
  { name: 'evaluate', type: events.foldEvaluated.type, last: true },
  { name: 'join', type: events.runEvaluated.type, last: false },
  { name: 'promote', type: events.modelPromoted.type, last: false },
  { name: 'swap', type: events.inferenceSwapped.type, last: false },
] as const;

/** Times of the events of one run at a time. */
export interface HopWatch {
  /** Forgets the run before; the time that the first stretch begins at. */
  begin(): void;
  /** The stretches of the run, in their order; one whose event overtook the one before is 0 ms long. */
  hops(): Hop[];
  readonly stop: Stop;
}

/** Watches the events of a system that works on one run at a time. */
export async function watchHops(bus: Pick<Bus, 'tail'>): Promise<HopWatch> {
  let begun = 0;
  const seen = new Map<string, { first: number; last: number }>();
  const stop = await bus.tail(
    Object.values(events)
      .filter((event) => marks.some((mark) => mark.type === event.type))
      .map((event) => event.filter),
    ({ type }) => {
      const now = performance.now();
      seen.set(type, { first: seen.get(type)?.first ?? now, last: now });
    },
  );
  return {
    begin() {
      seen.clear();
      begun = performance.now();
    },
    hops() {
      let before = begun;
      return marks.map(({ name, type, last }) => {
        const times = seen.get(type);
        const at = Math.max(before, (last ? times?.last : times?.first) ?? before);
        const hop = { name, ms: at - before };
        before = at;
        return hop;
      });
    },
    stop,
  };
}
