import { isErrorCode, toRookeryError } from '@rookery/contracts';
import type {
  PredictRequest,
  PredictResponse,
  PredictStreamRequest,
  PredictStreamResponse,
  StreamError,
} from '@rookery/proto/rookery/inference/v1/inference';

import type { Predict, PredictCall } from './predict.js';

const noRequest: PredictRequest = { model: '', rows: [] };

/**
 * Answers the requests of a stream in their order, one at a time, each as `predict` would; a refused one is answered
 * by its error and the stream goes on. The caller's stream is not read on while an answer is not taken.
 */
export async function* predictStream(
  predict: Predict,
  requests: AsyncIterable<PredictStreamRequest>,
  call: PredictCall,
  onUnforeseen: (error: unknown) => void,
): AsyncGenerator<PredictStreamResponse> {
  for await (const { requestId, request } of requests) {
    let result: PredictStreamResponse['result'];
    try {
      const answer: PredictResponse | Promise<PredictResponse> = predict(request ?? noRequest, call);
      result = { $case: 'response', value: answer instanceof Promise ? await answer : answer };
    } catch (error) {
      result = { $case: 'error', value: streamErrorOf(error, onUnforeseen) };
    }
    yield { requestId, result };
  }
}

function streamErrorOf(error: unknown, onUnforeseen: (error: unknown) => void): StreamError {
  const { code } = error as { code?: unknown };
  if (typeof code === 'string' && isErrorCode(code)) {
    const { message, hint } = toRookeryError(error);
    return { code, message, hint };
  }
  onUnforeseen(error);
  return { code: 'RK_INTERNAL', message: 'Internal error; the log of the service has the cause.', hint: '' };
}
