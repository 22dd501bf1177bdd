import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import type { FaultKind } from './schedule.js';

/** Ways to break the system on purpose, each with the faults that bring it out. */
export const breaks = {
  /** Every delivery of an evaluated run is decided as if it were the first. */
  'dedupe-off': ['redeliver', 'late', 'lose-acks'],
  /** An event is acknowledged before its handler has saved anything. */
  'ack-before-save': ['kill'],
  /** A decision about a model is written whatever the model has become meanwhile. */
  'alias-without-cas': ['race'],
} as const satisfies Record<string, readonly FaultKind[]>;

/** A way to break the system. */
export type Break = keyof typeof breaks;

/** Builds the services that a break is in; gives their programs. The folder must see the repository's packages. */
export async function buildBroken(
  root: string,
  name: Break,
  log: (line: string) => void,
): Promise<(service: string) => string | undefined> {
  const output = join(root, 'node_modules/.cache/rookery-broken', name);
  const child = spawn(process.execPath, [join(root, 'tests/chaos/broken-build.mjs'), name, output], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => log(String(text).trimEnd()));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`the build broken by ${name} could not be made`);
  return (service) => {
    const script = join(output, service, 'dist/main.js');
    return existsSync(script) ? script : undefined;
  };
}
