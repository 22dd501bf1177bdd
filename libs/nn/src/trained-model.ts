import type { BackendName } from './backends.js';
import type { ModelSpec, Task } from './spec/model-spec.js';

export interface WeightSpec {
  name: string;
  shape: number[];
  dtype: 'float32';
}

/** A fitted network: exactly what TensorFlow.js's model.json and its weight file hold, and how it came to be. */
export interface TrainedModel {
  format: 'tfjs-layers';
  /** The model topology of a model.json, as JSON text; `tf.loadLayersModel` accepts it. Equal specs give equal text. */
  topology: string;
  weightSpecs: WeightSpec[];
  /** Little-endian float32 in the order of `weightSpecs`, nothing between. */
  weights: Uint8Array;
  spec: ModelSpec;
  inputs: number;
  outputs: number;
  task: Task;
  /** The backend that fitted it: equal seeds give equal bits on equal backends only. */
  backend: BackendName;
}
