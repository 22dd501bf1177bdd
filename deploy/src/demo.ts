// npm run demo: from nothing to a served and watched model, with the penguins.
import { join } from 'node:path';

import { startTelemetry } from '@rookery/telemetry';

import { runDemo } from './demo/run-demo.js';
import { startEmbedded } from './embedded/embedded-system.js';
import { listeningTable } from './listening-table.js';
import { repositoryRoot } from './repository-root.js';
import { findRunningSystem } from './running-system.js';
import { askedToStop, untilStopped } from './until-stopped.js';

const flags = new Set(process.argv.slice(2));
const known = ['--exit', '--json'];
const unknown = [...flags].find((flag) => !known.includes(flag));
if (unknown !== undefined) {
  console.error(`The demo does not know ${unknown}; it knows ${known.join(' and ')}.`);
  process.exit(64);
}
const json = flags.has('--json');
const say = (text: string): void => {
  if (json) console.error(text);
  else console.log(text);
};

const asked = askedToStop();
const telemetry = startTelemetry({ serviceName: 'rookery-demo', env: process.env });
await telemetry.ready;
const running = findRunningSystem(process.env['ROOKERY_DATA_DIR'] ?? '.rookery');
let exitCode = 1;
try {
  const started =
    running === undefined ? await startEmbedded({ root: repositoryRoot, onEvent: say }) : undefined;
  const system = started ?? running;
  if (system === undefined) throw new Error('There is no system');
  const how = started ? `is ready (${(started.readyMs / 1000).toFixed(1)} s)` : 'runs already';
  say(`Rookery ${how}.\n${listeningTable(system)}\n`);
  try {
    const demo = runDemo(
      system,
      join(repositoryRoot, 'data/penguins.csv'),
      json ? process.stderr : process.stdout,
    );
    const result = await Promise.race([demo, asked.then(() => undefined)]);
    exitCode = result === undefined ? 1 : 0;
    if (result !== undefined) {
      if (json) console.log(JSON.stringify(result));
      else if (!flags.has('--exit'))
        say(`\nThe console is at http://${system.addresses['console']}. Ctrl-C stops everything.`);
    }
    if (started && exitCode === 0 && !flags.has('--exit')) exitCode = await untilStopped(started, asked);
  } finally {
    await started?.stop();
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
}
await telemetry.shutdown();
process.exit(exitCode);
