import type * as grpc from '@grpc/grpc-js';
import { TerminalError } from '@rookery/contracts';

/**
 * What stands in for a request that is no message of its method. grpc-js answers INTERNAL where a request can't be decoded,
 * which tells the caller of a defect of the server's; a handler can say whose mistake it is.
 */
export class UndecodableRequest {
  readonly error: TerminalError;

  constructor(path: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    this.error = new TerminalError(
      'RK_MESSAGE_MALFORMED',
      `The request of ${path} can not be decoded: ${reason.slice(0, 200)}`,
      { cause, hint: 'Encode the request by the .proto file of the service.' },
    );
  }
}

/** The method, with a decoder that never throws: what it can't decode becomes an {@link UndecodableRequest}. */
export function withCarefulDecoding(
  method: grpc.MethodDefinition<unknown, unknown>,
): grpc.MethodDefinition<unknown, unknown> {
  return {
    ...method,
    requestDeserialize: (bytes) => {
      try {
        return method.requestDeserialize(bytes);
      } catch (error) {
        return new UndecodableRequest(method.path, error);
      }
    },
  };
}

/** The request, or RK_MESSAGE_MALFORMED thrown where it could not be decoded. */
export function decoded<T>(request: T): T {
  if (request instanceof UndecodableRequest) throw request.error;
  return request;
}

/** The requests of a stream; throws RK_MESSAGE_MALFORMED at the one that could not be decoded. */
export async function* eachDecoded<T>(requests: AsyncIterable<T>): AsyncGenerator<T> {
  for await (const request of requests) yield decoded(request);
}
