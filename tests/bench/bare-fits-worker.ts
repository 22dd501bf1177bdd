// Thread that fits networks and nothing else: the reference of the pipeline benchmark.
import { parentPort } from 'node:worker_threads';

import { defaultSpec, train, useBackend, warmUp } from '@rookery/nn';

/** One fit to do. */
export interface BareFit {
  readonly features: Float32Array;
  readonly rows: number;
  readonly width: number;
  readonly targets: Int32Array;
  readonly classes: number;
  readonly seed: number;
  readonly engine: 'auto' | 'tfjs';
}

await useBackend('cpu');
await warmUp('cpu');
parentPort?.on('message', (fit: BareFit) => {
  void train({
    spec: defaultSpec('classification', fit.width, fit.classes),
    features: fit.features,
    rows: fit.rows,
    width: fit.width,
    targets: fit.targets,
    classes: fit.classes,
    seed: fit.seed,
    backend: 'cpu',
    engine: fit.engine,
  }).then(() => parentPort?.postMessage('done'));
});
parentPort?.postMessage('ready');
