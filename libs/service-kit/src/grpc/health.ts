import * as grpc from '@grpc/grpc-js';
import { fittingText } from './fitting-text.js';
import { decodeHealthRequest, encodeHealthList, encodeHealthStatus, healthStatus } from './health-codec.js';
import type { HealthRequest } from './health-codec.js';

/** Status of grpc.health.v1 by name. */
export type ServingStatus = keyof typeof healthStatus;

/** Health of a server and of each of its services (grpc.health.v1). */
export interface Health {
  /** Says of one service (or with `''` of the whole server) whether it can work. A service counts as able until said otherwise. */
  set(service: string, serving: boolean): void;
  /** Opens or closes everything at once: before the start and while stopping nothing is SERVING. */
  setReady(ready: boolean): void;
  /**
   * Says how the database came to be: sent beside the answer to Check, to whoever asks. So it holds counts and times, nothing
   * of what is stored.
   */
  setRebuilt(rebuilt: RebuiltNote): void;
  /** SERVICE_UNKNOWN for a name that was never set or added. */
  status(service: string): ServingStatus;
}

/** When and from what a database was built out of the log. */
export interface RebuiltNote {
  readonly atMs: number;
  /** Events taken in, and events that could not be. */
  readonly events: number;
  readonly skipped: number;
  /** Last sequence that was read, by stream. */
  readonly through: Readonly<Record<string, number>>;
}

/** Key of the metadata in which the answer to Check carries a {@link RebuiltNote}, as JSON. */
export const rebuiltKey = 'rookery-rebuilt';

/** {@link Health} that a server can serve. */
export interface ServableHealth extends Health {
  readonly definition: grpc.ServiceDefinition;
  readonly implementation: grpc.UntypedServiceImplementation;
  /** Ends every Watch call: they would hold up the shutdown of the server for ever. */
  endWatches(): void;
}

type AnyRequest = HealthRequest | { readonly service: undefined };
type Watcher = grpc.ServerWritableStream<AnyRequest, number>;

const identity = (bytes: Buffer): Buffer => bytes;
const path = '/grpc.health.v1.Health';
/** Bytes that are no request are told apart from a name: grpc-js would answer INTERNAL for what a decoder throws. */
const requestOf = (bytes: Buffer): AnyRequest => {
  try {
    return decodeHealthRequest(bytes);
  } catch {
    return { service: undefined };
  }
};
const undecodable = { code: 3, details: 'The request is no HealthCheckRequest.' };
const definition: grpc.ServiceDefinition = {
  check: {
    path: `${path}/Check`,
    requestStream: false,
    responseStream: false,
    requestSerialize: identity,
    requestDeserialize: requestOf,
    responseSerialize: encodeHealthStatus,
    responseDeserialize: identity,
  },
  watch: {
    path: `${path}/Watch`,
    requestStream: false,
    responseStream: true,
    requestSerialize: identity,
    requestDeserialize: requestOf,
    responseSerialize: encodeHealthStatus,
    responseDeserialize: identity,
  },
  list: {
    path: `${path}/List`,
    requestStream: false,
    responseStream: false,
    requestSerialize: identity,
    requestDeserialize: () => ({}),
    responseSerialize: encodeHealthList,
    responseDeserialize: identity,
  },
};

/**
 * Health with nothing ready yet. Written here rather than taken from grpc-health-check because that package parses a
 * .proto file with protobufjs when it is loaded, which costs each process more than all the rest of its gRPC server.
 */
export function createHealth(): ServableHealth {
  const own = new Map<string, boolean>([['', true]]);
  const watchers = new Map<string, Set<Watcher>>();
  let ready = false;
  let rebuilt: string | undefined;

  const status = (service: string): ServingStatus => {
    const serving = own.get(service);
    if (serving === undefined) return 'SERVICE_UNKNOWN';
    return ready && serving ? 'SERVING' : 'NOT_SERVING';
  };
  const announce = (service: string): void => {
    for (const watcher of watchers.get(service) ?? []) watcher.write(healthStatus[status(service)]);
  };

  return {
    status,
    set(service, serving) {
      if (own.get(service) === serving) return;
      own.set(service, serving);
      announce(service);
    },
    setReady(next) {
      if (ready === next) return;
      ready = next;
      for (const service of own.keys()) announce(service);
    },
    setRebuilt(note) {
      rebuilt = JSON.stringify(note);
    },
    endWatches() {
      for (const set of watchers.values()) for (const watcher of set) watcher.end();
      watchers.clear();
    },
    definition,
    implementation: {
      check(call: grpc.ServerUnaryCall<AnyRequest, number>, callback: grpc.sendUnaryData<number>): void {
        if (call.request.service === undefined) return callback(undecodable);
        const found = status(call.request.service);
        if (found === 'SERVICE_UNKNOWN')
          callback({
            code: 5,
            details: `This server has no service '${fittingText(call.request.service, 500)}'.`,
          });
        else {
          if (rebuilt !== undefined) {
            const metadata = new grpc.Metadata();
            metadata.set(rebuiltKey, rebuilt);
            call.sendMetadata(metadata);
          }
          callback(null, healthStatus[found]);
        }
      },
      watch(call: Watcher): void {
        const { service } = call.request;
        if (service === undefined) {
          call.emit('error', undecodable);
          return;
        }
        const set = watchers.get(service) ?? new Set();
        watchers.set(service, set.add(call));
        call.on('cancelled', () => set.delete(call));
        call.write(healthStatus[status(service)]);
      },
      list(_call: unknown, callback: grpc.sendUnaryData<Map<string, number>>): void {
        callback(null, new Map([...own.keys()].map((service) => [service, healthStatus[status(service)]])));
      },
    },
  };
}
