import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { identityOf, isRunning } from './process-identity.js';
import type { ProcessIdentity } from './process-identity.js';

/** Folders that systems of this very process run on. */
const taken = new Set<string>();

/** Ownership of a data folder. */
export interface DataFolder {
  /** An earlier launcher did not end in order: something of it may be left. */
  readonly abandoned: boolean;
  release(): void;
}

/** Takes a data folder for this process; throws where another system runs on it. */
export function takeDataFolder(dataDir: string): DataFolder {
  const file = join(dataDir, 'launcher.pid');
  const owner = readOwner(file);
  const another = owner !== undefined && (owner.pid !== process.pid ? isRunning(owner) : taken.has(dataDir));
  if (another) {
    throw new Error(
      `A Rookery system (pid ${owner.pid}) already runs on ${dataDir}. Stop it, or use another ROOKERY_DATA_DIR.`,
    );
  }
  taken.add(dataDir);
  writeFileSync(file, JSON.stringify(identityOf(process.pid)));
  return {
    abandoned: owner !== undefined,
    release: () => {
      taken.delete(dataDir);
      rmSync(file, { force: true });
      rmSync(join(dataDir, 'system.json'), { force: true });
    },
  };
}

function readOwner(file: string): ProcessIdentity | undefined {
  if (!existsSync(file)) return undefined;
  try {
    const owner = JSON.parse(readFileSync(file, 'utf8')) as ProcessIdentity | number;
    return typeof owner === 'number' ? { pid: owner, started: '' } : owner;
  } catch {
    // Cut off while it was written.
    return { pid: 0, started: 'unknown' };
  }
}

/**
 * Waits until the services that a killed launcher left on the folder are gone: they notice its death and end by
 * themselves; after `graceMs` they are killed. Linux alone can tell them; elsewhere it resolves at once.
 */
export async function endAbandonedServices(dataDir: string, graceMs: number): Promise<void> {
  const end = Date.now() + graceMs;
  for (;;) {
    const left = servicesOn(dataDir);
    if (left.length === 0) return;
    if (Date.now() > end) for (const pid of left) kill(pid);
    await new Promise((wake) => setTimeout(wake, 50));
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended meanwhile.
  }
}

/** Processes of services that were started for this folder. */
function servicesOn(dataDir: string): number[] {
  if (!existsSync('/proc')) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => /services\/\w+\/dist\/main\.js/.test(read(`/proc/${pid}/cmdline`)))
    .filter((pid) => read(`/proc/${pid}/environ`).split('\0').includes(`ROOKERY_DATA_DIR=${dataDir}`))
    .map(Number);
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
