import type { TrainedModel as TrainedModelMessage } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import { Task as TaskMessage } from '@rookery/proto/rookery/domain/v1/data';

import { backendRequests } from './backends.js';
import { NnError } from './nn-error.js';
import type { BackendName } from './backends.js';
import type { ModelSpec, Task } from './spec/model-spec.js';
import type { TrainedModel } from './trained-model.js';

/**
 * The protobuf form of a trained model, for an artifact. Lossless: {@link trainedModelFromProto} gives an equal model.
 * A classification with two outputs is written as binary, with another number as multiclass.
 */
export function trainedModelToProto(model: TrainedModel): TrainedModelMessage {
  return {
    format: model.format,
    topologyJson: model.topology,
    weightSpecs: model.weightSpecs.map(({ name, shape, dtype }) => ({ name, shape: [...shape], dtype })),
    weights: Buffer.from(model.weights.buffer, model.weights.byteOffset, model.weights.byteLength),
    spec: structuredClone(model.spec),
    inputs: model.inputs,
    outputs: model.outputs,
    task: taskToMessage(model.task, model.outputs),
    backend: model.backend,
  };
}

/**
 * The trained model of a protobuf message. Throws RK_MODEL_CORRUPT where the message is not a whole model: another
 * format, no topology, weights of another type, no specification, an unknown task or backend.
 */
export function trainedModelFromProto(message: TrainedModelMessage): TrainedModel {
  if (message.format !== 'tfjs-layers') throw corrupt('format', message.format);
  if (message.topologyJson === '') throw corrupt('topology_json', '');
  if (message.spec === undefined) throw corrupt('spec', '');
  if (message.inputs < 1 || message.outputs < 1)
    throw corrupt('inputs', `${message.inputs}×${message.outputs}`);
  return {
    format: 'tfjs-layers',
    topology: message.topologyJson,
    weightSpecs: message.weightSpecs.map(({ name, shape, dtype }) => {
      if (dtype !== 'float32') throw corrupt('weight_specs.dtype', dtype);
      return { name, shape: [...shape], dtype: 'float32' };
    }),
    // A copy of its own: `slice` of a Buffer shares its memory, which readers of a Uint8Array do not expect.
    weights: new Uint8Array(message.weights),
    spec: message.spec as unknown as ModelSpec,
    inputs: message.inputs,
    outputs: message.outputs,
    task: taskFromMessage(message.task, message.spec),
    backend: backendFrom(message.backend),
  };
}

function taskToMessage(task: Task, outputs: number): TaskMessage {
  if (task === 'multilabel') return TaskMessage.TASK_MULTILABEL;
  if (task === 'regression') return TaskMessage.TASK_REGRESSION;
  return outputs === 2 ? TaskMessage.TASK_BINARY : TaskMessage.TASK_MULTICLASS;
}

function taskFromMessage(task: TaskMessage, spec: Record<string, unknown>): Task {
  // Models of before had no word for it in the message: their specification says so.
  if (task === TaskMessage.TASK_UNSPECIFIED && spec['task'] === 'multilabel') return 'multilabel';
  if (task === TaskMessage.TASK_MULTILABEL) return 'multilabel';
  if (task === TaskMessage.TASK_REGRESSION) return 'regression';
  if (task === TaskMessage.TASK_BINARY || task === TaskMessage.TASK_MULTICLASS) return 'classification';
  throw corrupt('task', String(task));
}

function backendFrom(name: string): BackendName {
  const known = backendRequests.find((request) => request === name);
  if (known === undefined || known === 'auto') throw corrupt('backend', name);
  return known;
}

function corrupt(field: string, value: string): NnError {
  return new NnError(
    'RK_MODEL_CORRUPT',
    `The trained model's field ${field} can not be ${JSON.stringify(value)}.`,
    {
      details: { field, value },
      hint: 'Train or fetch the model again.',
    },
  );
}
