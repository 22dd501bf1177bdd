import { readFileSync } from 'node:fs';

import type { EmbeddedSystem } from '@rookery/deploy/embedded';

/** Processor time of a service's process so far, all threads, by the kernel's own account. */
export function processorSeconds(system: EmbeddedSystem, name: string): number {
  const fields = readFileSync(`/proc/${pidOf(system, name)}/stat`, 'utf8')
    .split(') ')[1]!
    .split(' ');
  // utime and stime, the 14th and 15th of all fields, in hundredths of a second.
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** The most memory that a service's process ever held, by the kernel's own account. */
export function peakMegabytes(system: EmbeddedSystem, name: string): number {
  const status = readFileSync(`/proc/${pidOf(system, name)}/status`, 'utf8');
  return Number(/^VmHWM:\s*(\d+) kB/m.exec(status)?.[1]) / 1024;
}

function pidOf(system: EmbeddedSystem, name: string): number {
  const pid = system.processes.get(name)?.pid;
  if (pid === undefined) throw new Error(`${name} does not run`);
  return pid;
}
