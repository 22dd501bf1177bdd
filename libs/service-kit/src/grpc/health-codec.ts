/** `grpc.health.v1.HealthCheckResponse.ServingStatus` */
export const healthStatus = { UNKNOWN: 0, SERVING: 1, NOT_SERVING: 2, SERVICE_UNKNOWN: 3 } as const;

/*
 * The messages of grpc.health.v1: HealthCheckRequest { string service = 1 }, HealthCheckResponse { enum status = 1 },
 * HealthListResponse { map<string, HealthCheckResponse> statuses = 1 }.
 */

/** Decoded HealthCheckRequest. An object, because grpc-js takes a falsy message for none at all. */
export interface HealthRequest {
  readonly service: string;
}

/** A HealthCheckRequest for `service`. */
export function encodeHealthRequest(service: string): Buffer {
  return service === '' ? Buffer.alloc(0) : lengthDelimited(1, Buffer.from(service));
}

/** The service named by a HealthCheckRequest; the last one, if the field is repeated. Unknown fields are skipped. */
export function decodeHealthRequest(bytes: Buffer): HealthRequest {
  let service = '';
  eachField(bytes, (field, value) => {
    if (field === 1 && Buffer.isBuffer(value)) service = value.toString('utf8');
  });
  return { service };
}

/** A HealthCheckResponse with `status`. */
export function encodeHealthStatus(status: number): Buffer {
  return status === 0 ? Buffer.alloc(0) : Buffer.from([0x08, status]);
}

/** The status of a HealthCheckResponse. */
export function decodeHealthStatus(bytes: Buffer): number {
  let status = 0;
  eachField(bytes, (field, value) => {
    if (field === 1 && typeof value === 'number') status = value;
  });
  return status;
}

/** A HealthListResponse. */
export function encodeHealthList(statuses: ReadonlyMap<string, number>): Buffer {
  return Buffer.concat(
    [...statuses].map(([service, status]) =>
      lengthDelimited(
        1,
        Buffer.concat([
          lengthDelimited(1, Buffer.from(service)),
          lengthDelimited(2, encodeHealthStatus(status)),
        ]),
      ),
    ),
  );
}

function lengthDelimited(field: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(field << 3) | 2]), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const out: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    out.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  out.push(rest);
  return Buffer.from(out);
}

function eachField(bytes: Buffer, visit: (field: number, value: number | Buffer) => void): void {
  let at = 0;
  const readVarint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[at];
      if (byte === undefined) throw new Error('truncated protobuf message');
      at += 1;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new Error('malformed protobuf varint');
  };
  while (at < bytes.length) {
    const tag = readVarint();
    const wireType = tag & 7;
    if (wireType === 0) {
      visit(tag >>> 3, readVarint());
      continue;
    }
    const length = wireType === 2 ? readVarint() : wireType === 1 ? 8 : wireType === 5 ? 4 : -1;
    if (length < 0 || at + length > bytes.length) throw new Error('malformed protobuf message');
    visit(tag >>> 3, bytes.subarray(at, at + length));
    at += length;
  }
}
