/*
 * The reference of the prediction benchmark: a bare grpc-js server that decodes the same request and answers with a
 * message of the same type and size, by the generated code. No model, no validation, no capture, no telemetry.
 * Arguments: file with the answer (protobuf). Prints its port.
 */
import { readFileSync } from 'node:fs';

import * as grpc from '@grpc/grpc-js';
import { InferenceServiceService, PredictResponse } from '@rookery/proto/rookery/inference/v1/inference';
import type { PredictRequest } from '@rookery/proto/rookery/inference/v1/inference';

const answer = PredictResponse.decode(readFileSync(process.argv[2] ?? ''));
// The options of the services' own servers that matter for speed, so that only the service's work differs.
const server = new grpc.Server({ 'grpc.max_concurrent_streams': 1000, 'grpc.enable_channelz': 0 });
server.addService(
  { predict: InferenceServiceService.predict },
  {
    predict: (
      call: grpc.ServerUnaryCall<PredictRequest, PredictResponse>,
      callback: grpc.sendUnaryData<PredictResponse>,
    ) => callback(null, call.request.rows.length === 0 ? { ...answer, predictions: [] } : answer),
  },
);
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  process.stdout.write(`${port}\n`);
});
process.on('disconnect', () => process.exit(0));
