import * as grpc from '@grpc/grpc-js';
import type { Logger } from '@rookery/telemetry';
import { statusOfError } from '../grpc/error-status.js';
import { bearerTokenOf } from './authoriser.js';
import type { Authoriser, Identity } from './authoriser.js';
import { takeOnBehalfOf } from './on-behalf-of.js';
import { createRefusalLog } from './refusal-log.js';

/** Who made a call, by the metadata that its handler gets: a key in the metadata could be sent by anybody. */
const callers = new WeakMap<grpc.Metadata, Identity>();

/** Who made the call with this metadata; undefined where nobody is asked to say. */
export function callerOf(metadata: grpc.Metadata): Identity | undefined {
  return callers.get(metadata);
}

/**
 * The one server interceptor that decides, for every method and before anything of a request is read, whether its caller
 * may make it. UNAUTHENTICATED or PERMISSION_DENIED otherwise, with code and hint like any other error.
 */
export function authoriseCalls(authoriser: Authoriser, logger: Logger): grpc.ServerInterceptor {
  const logRefusal = createRefusalLog(logger);
  return (method, call) =>
    new grpc.ServerInterceptingCall(call, {
      start(next) {
        next({
          onReceiveMetadata(metadata, proceed) {
            try {
              const proof = {
                token: bearerTokenOf(metadata.get('authorization')[0]?.toString()),
                commonName: commonNameOf(call),
              };
              const identity = authoriser.authorise(method.path, proof, takeOnBehalfOf(metadata));
              // It has done its duty: a handler that logs its metadata can't give it away.
              metadata.remove('authorization');
              if (identity !== undefined) callers.set(metadata, identity);
            } catch (error) {
              const { code, details, metadata: trailers } = statusOfError(error, false);
              logRefusal(method.path, call.getPeer(), error);
              call.sendStatus({ code, details, metadata: trailers });
              return;
            }
            proceed(metadata);
          },
        });
      },
    });
}

function commonNameOf(call: grpc.ServerInterceptingCallInterface): string | undefined {
  // Set for verified certificates only.
  const name: unknown = call.getAuthContext().sslPeerCertificate?.subject.CN;
  return typeof name === 'string' ? name : undefined;
}
