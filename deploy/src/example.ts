// npm run example -- <name>: publishes a worked example, follows it to a served model, and shows its scores beside others'.
import { startTelemetry } from '@rookery/telemetry';

import { startEmbedded } from './embedded/embedded-system.js';
import { exampleNames, readExample } from './example/read-example.js';
import { runExample } from './example/run-example.js';
import { listeningTable } from './listening-table.js';
import { repositoryRoot } from './repository-root.js';
import { findRunningSystem } from './running-system.js';
import { askedToStop, untilStopped } from './until-stopped.js';

const args = process.argv.slice(2);
const known = ['--exit', '--json'];
const flags = new Set(args.filter((argument) => argument.startsWith('--')));
const [name, more] = args.filter((argument) => !argument.startsWith('--'));
const unknown = [...flags].find((flag) => !known.includes(flag));
if (unknown !== undefined || name === undefined || more !== undefined) {
  const names = exampleNames(repositoryRoot).join(' | ');
  console.error(`Usage: npm run example -- ${names} [--exit] [--json]`);
  process.exit(64);
}
const json = flags.has('--json');
const say = (text: string): void => {
  if (json) console.error(text);
  else console.log(text);
};

const asked = askedToStop();
const telemetry = startTelemetry({ serviceName: 'rookery-example', env: process.env });
await telemetry.ready;
let exitCode = 1;
try {
  const example = readExample(repositoryRoot, name);
  const running = findRunningSystem(process.env['ROOKERY_DATA_DIR'] ?? '.rookery');
  const started =
    running === undefined ? await startEmbedded({ root: repositoryRoot, onEvent: say }) : undefined;
  const system = started ?? running;
  if (system === undefined) throw new Error('There is no system');
  const how = started ? `is ready (${(started.readyMs / 1000).toFixed(1)} s)` : 'runs already';
  say(`Rookery ${how}.\n${listeningTable(system)}\n\n${example.title}`);
  try {
    const work = runExample(example, {
      ...system,
      root: repositoryRoot,
      stream: json ? process.stderr : process.stdout,
    });
    const result = await Promise.race([work, asked.then(() => undefined)]);
    exitCode = result === undefined ? 1 : 0;
    if (result !== undefined && json) console.log(JSON.stringify(result));
    const stays = started !== undefined && exitCode === 0 && !flags.has('--exit');
    if (stays) {
      say(`\nThe console is at http://${system.addresses['console']}. Ctrl-C stops everything.`);
      exitCode = await untilStopped(started, asked);
    }
  } finally {
    await started?.stop();
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
}
await telemetry.shutdown();
process.exit(exitCode);
