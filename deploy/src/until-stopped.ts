import type { EmbeddedSystem } from './embedded/embedded-system.js';

/**
 * Waits for Ctrl-C, SIGTERM, the end of the process that forked this one, or a system that can't go on; then stops it.
 * Resolves to the exit code.
 */
export async function untilStopped(system: EmbeddedSystem): Promise<number> {
  const asked = new Promise<undefined>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => {
        resolve(undefined);
      });
    }
    process.once('disconnect', () => {
      resolve(undefined);
    });
  });
  const reason = await Promise.race([asked, system.failed]);
  if (reason !== undefined) console.error(reason);
  else console.error('Stopping …');
  await system.stop();
  // An open channel would keep this process alive.
  if (process.connected) process.disconnect();
  return reason === undefined ? 0 : 1;
}
