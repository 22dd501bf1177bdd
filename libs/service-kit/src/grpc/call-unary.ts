import * as grpc from '@grpc/grpc-js';
import { remoteErrorOf } from './remote-error.js';

/** Options of {@link callUnary}. */
export interface CallUnaryOptions {
  /** Deadline from now, in milliseconds. Default 10 000. */
  timeoutMs?: number;
  /** Cancels the call. */
  signal?: AbortSignal;
  metadata?: grpc.Metadata;
  /** Wait for a connection until the deadline, instead of failing at once where there is none. Default false. */
  waitForReady?: boolean;
}

type UnaryMethod<Req, Res> = (
  request: Req,
  metadata: grpc.Metadata,
  options: Partial<grpc.CallOptions>,
  callback: (error: grpc.ServiceError | null, response: Res) => void,
) => grpc.ClientUnaryCall;

type RequestOf<F> = F extends UnaryMethod<infer Req, infer _Res> ? Req : never;
type ResponseOf<F> = F extends UnaryMethod<infer _Req, infer Res> ? Res : never;

/**
 * Calls a unary method of a generated client: `await callUnary(registry, 'getModel', { name })`. Rejects with the
 * RookeryError that the server threw, rebuilt; with the `grpc.ServiceError` if there is no such code.
 */
export function callUnary<C extends object, M extends keyof C>(
  client: C,
  method: M,
  request: RequestOf<C[M]>,
  options: CallUnaryOptions = {},
): Promise<ResponseOf<C[M]>> {
  return new Promise((resolve, reject) => {
    const metadata = options.metadata?.clone() ?? new grpc.Metadata();
    if (options.waitForReady === true) metadata.setOptions({ ...metadata.getOptions(), waitForReady: true });
    const invoke = client[method] as UnaryMethod<RequestOf<C[M]>, ResponseOf<C[M]>>;
    const call = invoke.call(
      client,
      request,
      metadata,
      { deadline: Date.now() + (options.timeoutMs ?? 10_000) },
      (error: grpc.ServiceError | null, response: ResponseOf<C[M]>) => {
        options.signal?.removeEventListener('abort', cancel);
        if (error === null) resolve(response);
        else reject(remoteErrorOf(error) ?? error);
      },
    );
    function cancel(): void {
      call.cancel();
    }
    if (options.signal?.aborted === true) cancel();
    else options.signal?.addEventListener('abort', cancel, { once: true });
  });
}
