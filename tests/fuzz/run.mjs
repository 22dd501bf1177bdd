// Runs the fuzzers: node tests/fuzz/run.mjs [--inputs N] [--seed S] [--json]; from the root of the repository.
import { runBundled } from '../run-bundled.mjs';

await runBundled('fuzz', ['main', 'byte-worker'], {
  'targets/library': 'tests/fuzz/targets/library.ts',
  'targets/ingest': 'services/ingest/test/fuzz/targets.ts',
  'targets/inference': 'services/inference/test/fuzz/targets.ts',
});
