import { version_core } from '@tensorflow/tfjs-core';

import type { TrainEngine } from './train.js';

/** Version of the loops of the compiled engine: grows where a change alters a bit of a result. */
const compiledVersion = 1;

/** Name and version of what computes, for the record of a run. */
export function engineVersion(engine: TrainEngine): string {
  return engine === 'compiled' ? `rookery-compiled ${compiledVersion}` : `tfjs-core ${version_core}`;
}
