import { decodePayload, viewPayload } from '@rookery/bus';
import { events } from '@rookery/contracts';
import type { EventType } from '@rookery/contracts';
import { trainedModelFromProto } from '@rookery/nn';
import { TrainedModel } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import { createTable, inferColumn, tableFromArrow, tableToArrow } from '@rookery/tabular';

import type { ByteTarget } from '../in-process.js';
import { nested } from '../nasty.js';
import { codeOf } from '../verdict.js';

const refusal = (work: () => void): string => {
  try {
    work();
    return 'ok';
  } catch (error) {
    return codeOf(error);
  }
};
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const types = Object.values(events) as unknown as readonly EventType<unknown>[];

const hostilePayloads = [
  `{"name":"a","uri":"file:///a.csv","target":"y","modelSpec":${nested(2000, '{"a":', '}').replace('{}', '{"a":1}')}}`,
  '{"name":"a","uri":"b","target":"c","column_types":{"__proto__":"numeric","constructor":"text"},"task":"binary"}',
  '{"__proto__":{"strict":false},"name":"a","folds":1e309,"seed":-1,"epochs":4294967296}',
].map((text) => new Uint8Array([0, ...bytesOf(text)]));

/** Every payload decoder, chosen by the first byte; and the view that people get of what could not be decoded. */
const payloads = (encoding: 'json' | 'protobuf'): ByteTarget => ({
  name: `${encoding} payloads`,
  kind: encoding === 'json' ? 'json' : 'binary',
  async seeds() {
    const empty = types.map((event, index) => {
      const message = event.message.fromPartial({});
      const json = { ...(event.message.toJSON(message) as object), run_id: 'run', model: 'm' };
      const payload =
        encoding === 'json' ? bytesOf(JSON.stringify(json)) : event.message.encode(message).finish();
      return new Uint8Array([index, ...payload]);
    });
    return [...empty, ...hostilePayloads];
  },
  async run(input) {
    const event = types[(input[0] ?? 0) % types.length]!;
    const body = input.subarray(1);
    JSON.stringify(viewPayload(event.type, {}, body));
    return refusal(() => {
      const data = decodePayload(event, body, { encoding });
      JSON.stringify(event.message.toJSON(data));
      event.message.encode(data).finish();
    });
  },
});

const arrowArtifacts: ByteTarget = {
  name: 'arrow artifacts',
  kind: 'binary',
  async seeds() {
    const texts = Array.from({ length: 30 }, (_, i) => (i % 9 === 0 ? '' : `t${i % 4}`));
    const numbers = texts.map((_, i) => String(i / 7));
    const flags = texts.map((_, i) => (i % 2 === 0 ? 'true' : 'false'));
    return [
      tableToArrow(createTable([inferColumn('a', texts), inferColumn('b', numbers)])),
      tableToArrow(createTable([inferColumn('flag', flags)])),
    ];
  },
  async run(input) {
    return refusal(() => {
      tableFromArrow(input);
    });
  },
};

const trainedModels: ByteTarget = {
  name: 'trained models',
  kind: 'binary',
  async seeds() {
    const model = TrainedModel.fromPartial({
      format: 'tfjs-layers',
      topologyJson: '{"class_name":"Sequential","config":{"layers":[]}}',
      weightSpecs: [{ name: 'kernel', shape: [2, 3], dtype: 'float32' }],
      weights: Buffer.alloc(24),
      spec: { layers: [{ type: 'dense', units: 3 }] },
      inputs: 2,
      outputs: 3,
      task: 2,
      backend: 'cpu',
    });
    return [TrainedModel.encode(model).finish()];
  },
  async run(input) {
    let message: TrainedModel;
    try {
      message = TrainedModel.decode(input);
    } catch {
      return 'RK_MESSAGE_MALFORMED'; // what every reader of an artifact makes of it
    }
    return refusal(() => {
      trainedModelFromProto(message);
    });
  },
};

/** What libraries read of strangers, as targets. */
export const targets: readonly ByteTarget[] = [
  payloads('json'),
  payloads('protobuf'),
  arrowArtifacts,
  trainedModels,
];
