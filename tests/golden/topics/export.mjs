// Writes the folds that a run of data/topics.csv has, for generate.py beside it:
// node tests/golden/topics/export.mjs <file>; from the root of the repository.
import { runBundled } from '../../run-bundled.mjs';

await runBundled('golden/topics/export', ['main']);
