// npm start: the system alone, until Ctrl-C.
import { startEmbedded } from './embedded/embedded-system.js';
import { listeningTable } from './listening-table.js';
import { repositoryRoot } from './repository-root.js';
import { askedToStop, untilStopped } from './until-stopped.js';

const asked = askedToStop();
try {
  const say = (message: string): void => {
    console.error(message);
  };
  const system = await startEmbedded({ root: repositoryRoot, onEvent: say, onProgress: say });
  console.log(
    `Rookery is ready (${(system.readyMs / 1000).toFixed(1)} s).\n${listeningTable(system)}\nCtrl-C stops it.`,
  );
  process.exitCode = await untilStopped(system, asked);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  // An open channel would keep this process alive.
  if (process.connected) process.disconnect();
}
