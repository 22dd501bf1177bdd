// Runs the load suite: node tests/load/run.mjs [--datasets N] [--trainers T] [--json]; from the root of the repository.
import { runBundled } from '../run-bundled.mjs';

await runBundled('load');
