// Runs the soak: node tests/soak/run.mjs [--swaps N] [--json]; from the root of the repository.
import { runBundled } from '../run-bundled.mjs';

await runBundled('soak');
