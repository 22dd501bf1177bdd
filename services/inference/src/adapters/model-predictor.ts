import { loadPredictor, resolveBackend, trainedModelFromProto } from '@rookery/nn';
import type { BackendName, BackendRequest, TrainedModel as TrainedNetwork } from '@rookery/nn';
import { pluginFormat } from '@rookery/plugin';
import type { Plugins } from '@rookery/plugin';
import type { TrainedModel } from '@rookery/proto/rookery/artifacts/v1/artifacts';

import type { LoadedModel } from '../domain/loaded-model.js';

/** A trained model that answers: a network in this process, or a plug-in in one of its own. */
export interface ModelPredictor extends Pick<
  LoadedModel,
  'engine' | 'backend' | 'inputs' | 'outputs' | 'tensorsHeld' | 'dispose'
> {
  /** Outputs, in `out` but for a plug-in's. A promise for the engines onnx and plugin. */
  forward(features: Float32Array, rows: number, out: Float32Array): Float32Array | Promise<Float32Array>;
}

/** Builds the predictor of a trained model; `classes` and `features` are what a plug-in is told. */
export type BuildPredictor = (
  trained: TrainedModel,
  told: { readonly model: string; readonly classes: readonly string[]; readonly features: readonly string[] },
) => Promise<ModelPredictor>;

/** A builder whose networks that need TensorFlow.js share one backend. */
export function createPredictorBuilder(
  request: BackendRequest,
  plugins: Pick<Plugins, 'open'>,
): BuildPredictor {
  let backendInUse: BackendName | undefined;
  let modelsOnBackend = 0;

  /** Models that TensorFlow.js serves stay on one backend: changing it would move their weights. */
  const backendFor = async (trained: TrainedNetwork): Promise<BackendName> => {
    if (backendInUse !== undefined && modelsOnBackend > 0) return backendInUse;
    const parameters = trained.weights.byteLength / 4;
    const { backend } = await resolveBackend(request, { parameters, batchSize: 8 });
    backendInUse = backend;
    return backend;
  };

  const network = async (message: TrainedModel): Promise<ModelPredictor> => {
    const trained = trainedModelFromProto(message);
    const backend = await backendFor(trained);
    const predictor = await loadPredictor(trained, { backend, asynchronous: true });
    const onBackend = predictor.engine === 'tfjs' ? 1 : 0;
    modelsOnBackend += onBackend;
    return {
      engine: predictor.engine,
      backend: predictor.backend ?? 'cpu',
      inputs: predictor.inputs,
      outputs: predictor.outputs,
      tensorsHeld: predictor.tensorsHeld,
      forward: (features, rows, out) =>
        predictor.engine === 'onnx'
          ? predictor.predictAsync(features, rows, out)
          : predictor.predict(features, rows, out),
      dispose() {
        predictor.dispose();
        modelsOnBackend -= onBackend;
      },
    };
  };

  return async (trained, { model, classes, features }) => {
    if (trained.format !== pluginFormat) return network(trained);
    const predictor = await plugins.open(trained, { classes, features }, `loading of ${model}`);
    return {
      engine: 'plugin',
      backend: pluginFormat,
      inputs: predictor.inputs,
      outputs: predictor.outputs,
      tensorsHeld: 0,
      forward: (rows, count) => predictor.predict(rows, count, `prediction of ${model}`),
      dispose: () => void predictor.close(),
    };
  };
}
