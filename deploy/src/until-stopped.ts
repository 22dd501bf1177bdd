import type { EmbeddedSystem } from './embedded/embedded-system.js';

/** Waits for Ctrl-C, SIGTERM or a system that can't go on, then stops it; resolves to the exit code. */
export async function untilStopped(system: EmbeddedSystem): Promise<number> {
  const asked = new Promise<undefined>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => {
        resolve(undefined);
      });
    }
  });
  const reason = await Promise.race([asked, system.failed]);
  if (reason !== undefined) console.error(reason);
  else console.error('Stopping …');
  await system.stop();
  return reason === undefined ? 0 : 1;
}
