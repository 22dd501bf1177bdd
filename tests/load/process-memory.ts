import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Resident memory of a process, bytes; undefined where it is gone. */
export function residentBytes(pid: number | undefined): number | undefined {
  if (pid === undefined) return undefined;
  try {
    const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return kib === undefined ? undefined : Number(kib) * 1024;
  } catch {
    return undefined;
  }
}

/** Clock ticks a second in /proc: the same on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** Processor time that a process has used, seconds; 0 where it is gone. */
export function processorSeconds(pid: number | undefined): number {
  if (pid === undefined) return 0;
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field, the name, may hold spaces; user and system time are the 14th and 15th.
    const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  } catch {
    return 0;
  }
}

/** Bytes of the files in which the embedded store keeps a service's documents; it has them in memory as well. */
export function documentBytes(folder: string): number {
  if (!existsSync(folder)) return 0;
  return readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
}

/** A process to watch. */
export interface Watched {
  readonly pid: number | undefined;
}

/** Samples the resident memory of processes. */
export interface MemoryWatch {
  /** The most that each had since the start of the watch or the last call, bytes by name. */
  peaks(): ReadonlyMap<string, number>;
  stop(): void;
}

/** Looks at each process every `everyMs`. */
export function watchMemory(processes: ReadonlyMap<string, Watched>, everyMs = 100): MemoryWatch {
  let peaks = new Map<string, number>();
  const look = (): void => {
    for (const [name, { pid }] of processes) {
      peaks.set(name, Math.max(peaks.get(name) ?? 0, residentBytes(pid) ?? 0));
    }
  };
  look();
  const timer = setInterval(look, everyMs);
  return {
    peaks() {
      look();
      const result = peaks;
      peaks = new Map();
      return result;
    },
    stop: () => clearInterval(timer),
  };
}
