import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** A system that another launcher runs on the same data folder. */
export interface RunningSystem {
  readonly natsUrl: string;
  readonly addresses: Readonly<Record<string, string>>;
  readonly dataDir: string;
}

/** The system that runs on the data folder now, or undefined. */
export function findRunningSystem(dataDirectory: string): RunningSystem | undefined {
  const dataDir = resolve(dataDirectory);
  const file = join(dataDir, 'system.json');
  if (!existsSync(file)) return undefined;
  const { pid, natsUrl, addresses } = JSON.parse(readFileSync(file, 'utf8')) as RunningSystem & { pid: number };
  try {
    process.kill(pid, 0);
  } catch {
    return undefined;
  }
  return { natsUrl, addresses, dataDir };
}
