// Runs the benchmarks: node tests/bench/run.mjs [name …] [--json]; from the root of the repository.
import { runBundled } from '../run-bundled.mjs';

await runBundled('bench', ['main', 'bare-fits-worker']);
