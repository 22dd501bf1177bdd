import { setImmediate as nextTurn } from 'node:timers/promises';

import { RetryableError, TerminalError } from '@rookery/contracts';
import type { PredictRequest, PredictResponse } from '@rookery/proto/rookery/inference/v1/inference';

import type { Admission } from '../domain/admission.js';
import { addPredictions, emptyAnswer } from '../domain/answer.js';
import type { CapturedRow } from '../domain/captured-row.js';
import type { LoadedModel, MadeCells } from '../domain/loaded-model.js';
import type { ModelHandle } from '../domain/model-handle.js';
import type { CallIds } from '../domain/prediction-ids.js';
import type { ServedModels } from '../domain/served-models.js';
import { createMicroBatcher } from './micro-batcher.js';
import type { MicroBatcher } from './micro-batcher.js';

/** What a prediction is told about its call. */
export interface PredictCall {
  /** '' where the caller sent no trace. */
  readonly traceId: string;
  /** Milliseconds since the epoch; Infinity where there is none. */
  readonly deadline: number;
  /** Whether the caller has gone. Asked between the slices of a long call. */
  cancelled?(): boolean;
}

/** What predictions work with. */
export interface PredictParts {
  readonly models: ServedModels<LoadedModel>;
  readonly admission: Admission;
  readonly callIds: CallIds;
  readonly clock: () => number;
  /** Takes each answered row; must not throw or wait. */
  readonly capture: (row: CapturedRow) => void;
  readonly maxRows: number;
}

/** Answers one request, at once where it can. */
export type Predict = (
  request: PredictRequest,
  call: PredictCall,
) => PredictResponse | Promise<PredictResponse>;

/** Rows that are computed in one go; the event loop is given back between slices of a longer request. */
export const sliceRows = 256;

/**
 * The use case of a prediction. A request of up to {@link sliceRows} rows for a compiled model without plug-ins is answered in the
 * turn it came in; others wait in turns, bounded by the admission (RK_OVERLOADED). The whole request is answered by
 * one version, which is held until then. Throws the codes of the row reader and of the look-up of models, and
 * RK_PREDICT_NO_ROWS, RK_PREDICT_TOO_MANY_ROWS, RK_DEADLINE_EXCEEDED, RK_CANCELLED.
 */
export function createPredict(parts: PredictParts): Predict {
  const { models, admission, callIds, clock, capture, maxRows } = parts;
  const batchers = new WeakMap<LoadedModel, MicroBatcher>();
  let scratch = new Float32Array(0);

  const scratchFor = (floats: number): Float32Array => {
    if (scratch.length < floats) scratch = new Float32Array(floats);
    return scratch;
  };

  const finish = (
    model: LoadedModel,
    request: PredictRequest,
    answer: PredictResponse,
    traceId: string,
  ): void => {
    const { predictions } = answer;
    model.predictions += predictions.length;
    const timeMs = clock();
    for (let i = 0; i < predictions.length; i += 1) {
      capture({ model, row: request.rows[i]!, prediction: predictions[i]!, timeMs, traceId });
    }
  };

  const batcherOf = (model: LoadedModel): MicroBatcher => {
    let batcher = batchers.get(model);
    if (batcher === undefined) {
      batcher = createMicroBatcher(
        (features, rows) => model.forward(features, rows),
        model.inputs,
        model.outputs,
        1024,
      );
      batchers.set(model, batcher);
    }
    return batcher;
  };

  const predictInTurns = async (
    handle: ModelHandle<LoadedModel>,
    request: PredictRequest,
    call: PredictCall,
  ): Promise<PredictResponse> => {
    const { model } = handle;
    try {
      const answer = emptyAnswer(model);
      const callId = callIds();
      for (let from = 0; from < request.rows.length; from += sliceRows) {
        checkStillWanted(call, clock());
        const to = Math.min(from + sliceRows, request.rows.length);
        let made: MadeCells | undefined;
        if (model.prepare !== undefined) {
          made = await model.prepare(request.rows, from, to);
          checkStillWanted(call, clock());
        }
        if (model.engine === 'compiled') {
          const features = scratchFor((to - from) * model.inputs);
          model.transform(request.rows, from, to, features, made);
          addPredictions(answer, model, callId, forwardNow(model, features, to - from), to - from);
          if (to < request.rows.length) await nextTurn();
        } else {
          const features = new Float32Array((to - from) * model.inputs);
          model.transform(request.rows, from, to, features, made);
          const outputs = await batcherOf(model).run(features, to - from, () =>
            checkStillWanted(call, clock()),
          );
          addPredictions(answer, model, callId, outputs, to - from);
        }
      }
      finish(model, request, answer, call.traceId);
      return answer;
    } finally {
      handle.release();
      admission.leave(request.rows.length);
    }
  };

  return (request, call) => {
    const rows = request.rows.length;
    if (rows === 0) throw new TerminalError('RK_PREDICT_NO_ROWS', 'The request has no rows.');
    if (rows > maxRows) {
      throw new TerminalError(
        'RK_PREDICT_TOO_MANY_ROWS',
        `The request has ${rows} rows; this service takes up to ${maxRows}.`,
        {
          details: { rows: String(rows), limit: String(maxRows) },
        },
      );
    }
    checkDeadline(call, call.deadline === Infinity ? 0 : clock());
    const handle = models.acquire(request.model);
    const { model } = handle;
    if (model.engine === 'compiled' && model.prepare === undefined && rows <= sliceRows) {
      try {
        const features = scratchFor(rows * model.inputs);
        model.transform(request.rows, 0, rows, features);
        const answer = emptyAnswer(model);
        addPredictions(answer, model, callIds(), forwardNow(model, features, rows), rows);
        finish(model, request, answer, call.traceId);
        return answer;
      } finally {
        handle.release();
      }
    }
    try {
      admission.enter(rows);
    } catch (error) {
      handle.release();
      throw error;
    }
    return predictInTurns(handle, request, call);
  };
}

/** Of a compiled model. */
function forwardNow(model: LoadedModel, features: Float32Array, rows: number): Float32Array {
  return model.forward(features, rows) as Float32Array;
}

function checkStillWanted(call: PredictCall, now: number): void {
  if (call.cancelled?.() === true) throw new TerminalError('RK_CANCELLED', 'The caller has gone.');
  checkDeadline(call, now);
}

function checkDeadline(call: PredictCall, now: number): void {
  if (call.deadline >= now) return;
  throw new RetryableError(
    'RK_DEADLINE_EXCEEDED',
    'The deadline of the call had passed before it was computed.',
  );
}
