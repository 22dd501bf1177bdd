// npm run demo: from nothing to a served and watched model, with the penguins.
import { join } from 'node:path';

import { runDemo } from './demo/run-demo.js';
import { repositoryRoot } from './repository-root.js';
import { runOnSystem, systemFlags } from './run-on-system.js';

const flags = new Set(process.argv.slice(2));
const unknown = [...flags].find((flag) => !systemFlags.includes(flag));
if (unknown !== undefined) {
  console.error(`The demo does not know ${unknown}; it knows ${systemFlags.join(' and ')}.`);
  process.exit(64);
}
await runOnSystem(flags, () => ({
  name: 'demo',
  run: (system, stream) => runDemo(system, join(repositoryRoot, 'data/penguins.csv'), stream),
}));
