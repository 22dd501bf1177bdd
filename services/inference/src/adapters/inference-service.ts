import type * as grpc from '@grpc/grpc-js';
import { InferenceServiceService } from '@rookery/proto/rookery/inference/v1/inference';
import type {
  InferenceServiceServer,
  ListServedModelsResponse,
} from '@rookery/proto/rookery/inference/v1/inference';
import { bidi, unary } from '@rookery/service-kit';

import { predictStream } from '../application/predict-stream.js';
import type { Predict } from '../application/predict.js';
import { encodePredictResponse } from './predict-response-encoder.js';
import { activeTraceId } from './swap-span.js';

/** The generated definition with a leaner encoder of the answer of Predict: the same bytes for less work. */
export const inferenceDefinition = {
  ...InferenceServiceService,
  predict: { ...InferenceServiceService.predict, responseSerialize: encodePredictResponse },
};

/** The InferenceService over gRPC. */
export function inferenceImplementation(
  predict: Predict,
  list: () => ListServedModelsResponse,
): Pick<InferenceServiceServer, 'predict' | 'predictStream' | 'listServedModels'> &
  grpc.UntypedServiceImplementation {
  return {
    predict: unary((request, call) =>
      predict(request, {
        traceId: activeTraceId(),
        deadline: call.deadline,
        // Read only between the slices of a long call: making the signal is dear.
        cancelled: () => call.signal.aborted,
      }),
    ),
    predictStream: bidi((requests, call) => {
      const { signal } = call;
      return predictStream(
        predict,
        requests,
        { traceId: activeTraceId(), deadline: call.deadline, cancelled: () => signal.aborted },
        (error) =>
          call.logger.error({ err: error, method: call.path }, 'a request of a stream failed unexpectedly'),
      );
    }),
    listServedModels: unary(() => list()),
  };
}
