// Runs the chaos suite: node tests/chaos/run.mjs [--rounds N] [--seed S] [--json]; from the root of the repository.
import { runBundled } from '../run-bundled.mjs';

await runBundled('chaos');
