import type { BackendName } from './backends.js';
import type { TrainedModel } from './trained-model.js';

export type PredictorEngine = 'compiled' | 'tfjs';

export interface PredictorOptions {
  /** For the 'tfjs' engine and the parity check. Defaults to the backend in use, or the one that suits the size. */
  backend?: BackendName;
  /** Default 'auto'. */
  engine?: PredictorEngine | 'auto';
}

export interface Predictor {
  readonly engine: PredictorEngine;
  /** One sentence: why this engine. */
  readonly reason: string;
  /** The TensorFlow.js backend behind the engine 'tfjs'. */
  readonly backend: BackendName | undefined;
  readonly inputs: number;
  readonly outputs: number;
  /** Tensors held until `dispose` (0 for the compiled engine). */
  readonly tensorsHeld: number;
  /** `rows` × inputs features → rows × outputs: probabilities per class, or numbers. Synchronous with either engine. */
  predict(features: Float32Array, rows: number, out?: Float32Array): Float32Array;
  /** The same through a promise; on an asynchronous backend the event loop is free meanwhile. */
  predictAsync(features: Float32Array, rows: number, out?: Float32Array): Promise<Float32Array>;
  /** Frees every tensor; a second call does nothing; `predict` afterwards throws. */
  dispose(): void;
}

export async function loadPredictor(_model: TrainedModel, _options: PredictorOptions = {}): Promise<Predictor> {
  throw new Error('being written');
}
