import type { Violation } from '../chaos/history.js';

/** Memory of one process. */
export interface ServiceMemory {
  readonly name: string;
  readonly idleMiB: number;
  readonly peakMiB: number;
  readonly ratio: number;
}

/** Factor by which a service may exceed its idle footprint, beside the data of the jobs in hand. */
export const memoryFactor = 1.5;

/** Compares the peak of each process with what it had when idle. */
export function compareMemory(
  idle: ReadonlyMap<string, number>,
  peaks: ReadonlyMap<string, number>,
): ServiceMemory[] {
  const round = (value: number): number => Number(value.toFixed(2));
  const mib = (bytes: number): number => Number((bytes / 2 ** 20).toFixed(1));
  return [...peaks].map(([name, peak]) => {
    const before = idle.get(name) ?? 0;
    return { name, idleMiB: mib(before), peakMiB: mib(peak), ratio: round(peak / before) };
  });
}

/** Processes that took more than they may. `inHandMiB`: the data of the jobs in hand of a service, and the documents that it keeps. */
export function checkMemory(
  services: readonly ServiceMemory[],
  inHandMiB: (name: string) => number,
): Violation[] {
  return services.flatMap(({ name, idleMiB, peakMiB }) => {
    const allowed = memoryFactor * idleMiB + inHandMiB(name);
    if (peakMiB <= allowed) return [];
    return [
      {
        invariant: 'memory is bounded',
        subject: name,
        evidence: `${peakMiB} MiB at its peak, ${idleMiB} MiB when idle; ${allowed.toFixed(1)} MiB are allowed`,
      },
    ];
  });
}

/** Deliveries in hand that each durable may have at a time; others are not held to a bound. */
export function checkInHand(
  most: ReadonlyMap<string, number>,
  allowed: ReadonlyMap<string, number>,
): Violation[] {
  return [...allowed].flatMap(([durable, bound]) => {
    const found = most.get(durable);
    if (found !== undefined && found <= bound) return [];
    const evidence =
      found === undefined ? 'it was not there' : `${found} deliveries in hand at a time, ${bound} may be`;
    return [{ invariant: 'a service takes no more than it works on', subject: durable, evidence }];
  });
}

/** On a healthy system nothing is delivered twice. */
export function checkRedeliveries(redelivered: ReadonlyMap<string, number>): Violation[] {
  return [...redelivered].map(([durable, count]) => ({
    invariant: 'nothing is delivered again while all is well',
    subject: durable,
    evidence: `${count} deliveries beyond the first`,
  }));
}
