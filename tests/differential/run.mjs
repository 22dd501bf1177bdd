// Compares with scikit-learn and SciPy: node tests/differential/run.mjs [--cases N] [--seed S] [--json]; from the root of the repository.
import { runBundled } from '../run-bundled.mjs';

await runBundled('differential');
