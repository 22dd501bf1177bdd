import { TrainedModel as TrainedModelMessage } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import { Task } from '@rookery/proto/rookery/domain/v1/data';
import { describe, expect, it } from 'vitest';
import { defaultSpec, loadPredictor, train, trainedModelFromProto, trainedModelToProto } from '@rookery/nn';
import type { TrainedModel } from '@rookery/nn';

async function fitted(outputs: number): Promise<TrainedModel> {
  const features = Float32Array.from({ length: 40 * 3 }, (_, i) => Math.sin(i));
  const targets = Int32Array.from({ length: 40 }, (_, row) => row % outputs);
  const spec = { ...defaultSpec('classification', 3, outputs), epochs: 1 };
  return (await train({ spec, features, targets, rows: 40, width: 3 })).model;
}

describe('a trained model as protobuf', () => {
  it.each([2, 3])(
    'is the same model after writing and reading, and predicts: %i classes',
    async (outputs) => {
      const model = await fitted(outputs);
      const bytes = TrainedModelMessage.encode(trainedModelToProto(model)).finish();
      const read = trainedModelFromProto(TrainedModelMessage.decode(bytes));
      expect({ ...read, weights: Uint8Array.from(read.weights) }).toEqual(model);
      const features = Float32Array.of(1, 2, 3);
      const [before, after] = [await loadPredictor(model), await loadPredictor(read)];
      expect(after.predict(features, 1)).toEqual(before.predict(features, 1));
    },
  );

  it('of a multi-label task has its own word, and one written before that word existed is read too', async () => {
    const features = Float32Array.from({ length: 40 * 3 }, (_, i) => Math.sin(i));
    const targets = Float32Array.from({ length: 40 * 2 }, (_, i) => (i % 3 === 0 ? 1 : 0));
    const spec = { ...defaultSpec('multilabel', 3, 2), epochs: 1 };
    const { model } = await train({ spec, features, targets, rows: 40, width: 3 });
    const message = trainedModelToProto(model);
    expect(message.task).toBe(Task.TASK_MULTILABEL);
    for (const task of [Task.TASK_MULTILABEL, Task.TASK_UNSPECIFIED])
      expect(trainedModelFromProto({ ...message, task }).task).toBe('multilabel');
  });

  it.each([
    ['format', { format: 'onnx' }],
    ['topology_json', { topologyJson: '' }],
    ['spec', { spec: undefined }],
    ['backend', { backend: 'tpu' }],
    ['task', { task: 0 }],
  ])('without a good %s is refused', async (field, change) => {
    const message = { ...trainedModelToProto(await fitted(2)), ...change } as TrainedModelMessage;
    expect(() => trainedModelFromProto(message)).toThrow(
      expect.objectContaining({ code: 'RK_MODEL_CORRUPT', details: expect.objectContaining({ field }) }),
    );
  });
});
