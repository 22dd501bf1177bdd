import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { isRunning } from './embedded/process-identity.js';
import type { ProcessIdentity } from './embedded/process-identity.js';

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
  const { launcher, natsUrl, addresses } = JSON.parse(readFileSync(file, 'utf8')) as RunningSystem & {
    launcher?: ProcessIdentity;
  };
  return launcher !== undefined && isRunning(launcher) ? { natsUrl, addresses, dataDir } : undefined;
}
