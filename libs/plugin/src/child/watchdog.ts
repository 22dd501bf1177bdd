import { Worker } from 'node:worker_threads';

import { memoryMark } from '../host/protocol.js';
import type { ChildSettings } from '../host/protocol.js';

/** How often memory and parent are looked at. */
const everyMs = 50;

/*
 * A plug-in that loops never gives its thread back, so what watches it has a thread of its own. As text: a thread's script would be
 * another file of every bundle.
 */
const script = `
const { workerData } = require('node:worker_threads');
const { writeSync } = require('node:fs');
const end = () => process.kill(process.pid, 'SIGKILL');
setInterval(() => {
  if (process.ppid !== workerData.parent) end();
  const bytes = process.memoryUsage.rss();
  if (bytes <= workerData.memoryBytes) return;
  writeSync(2, workerData.mark + ' ' + bytes + ' bytes\\n');
  end();
}, workerData.everyMs);
`;

/** Ends this process when it takes too much memory, outside of V8's heap too, or when the service that started it has gone. */
export function startWatchdog({ parent, memoryBytes }: ChildSettings): void {
  const watchdog = new Worker(script, {
    eval: true,
    workerData: { parent, memoryBytes, everyMs, mark: memoryMark },
    resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 2 },
  });
  watchdog.unref();
}
