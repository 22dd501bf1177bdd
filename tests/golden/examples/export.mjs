// Writes the folds of the examples (and the generated table) into a folder, for generate.py beside it:
// node tests/golden/examples/export.mjs <folder> [name …]; from the root of the repository.
import { runBundled } from '../../run-bundled.mjs';

await runBundled('golden/examples/export', ['main']);
