import type { EmbeddedSystem } from './embedded/embedded-system.js';

/**
 * Resolves when this process is asked to end: Ctrl-C, SIGTERM, a closed terminal, or the end of the process that forked it.
 * Call it before anything is started or said, since a signal may follow at once; a second signal ends the process as it is.
 */
export function askedToStop(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => {
        resolve();
      });
    }
    process.once('disconnect', resolve);
  });
}

/** Waits until `asked`, or until the system can't go on; then stops it. Resolves to the exit code. */
export async function untilStopped(system: EmbeddedSystem, asked: Promise<void>): Promise<number> {
  const reason = await Promise.race([asked, system.failed]);
  if (reason !== undefined) console.error(reason);
  else console.error('Stopping …');
  await system.stop();
  return reason === undefined ? 0 : 1;
}
