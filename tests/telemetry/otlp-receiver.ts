import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';

import { BinaryReader } from '@bufbuild/protobuf/wire';
import type { WireType } from '@bufbuild/protobuf/wire';

/** A span as a collector receives it. */
export interface ReceivedSpan {
  /** service.name of the resource. */
  readonly service: string;
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for a root. */
  readonly parentSpanId: string;
  /** 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind: number;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  /** Span ids that it is linked to. */
  readonly links: readonly string[];
  /** 0 unset, 1 ok, 2 error. */
  readonly status: number;
}

/** An OTLP collector in this process. */
export interface OtlpReceiver {
  readonly url: string;
  readonly spans: readonly ReceivedSpan[];
  close(): Promise<void>;
}

/** Receives traces by OTLP over HTTP with protobuf bodies; takes metrics and logs and forgets them. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      if (request.url === '/v1/traces') spans.push(...decodeTraces(body));
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  return request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
}

type Field = (reader: BinaryReader, wireType: WireType) => void;

/** Reads the fields of one message that are named; others are skipped. */
function readMessage(bytes: Uint8Array, fields: Readonly<Record<number, Field>>): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    const field = fields[number];
    if (field) field(reader, wireType);
    else reader.skip(wireType, number);
  }
}

// Field numbers: opentelemetry-proto 1.x, collector/trace/v1, trace/v1, resource/v1 and common/v1.
function decodeTraces(body: Uint8Array): ReceivedSpan[] {
  const spans: ReceivedSpan[] = [];
  readMessage(body, { 1: (reader) => spans.push(...decodeResourceSpans(reader.bytes())) });
  return spans;
}

function decodeResourceSpans(bytes: Uint8Array): ReceivedSpan[] {
  const attributes: Record<string, string | number | boolean> = {};
  const encoded: Uint8Array[] = [];
  readMessage(bytes, {
    1: (resource) => readMessage(resource.bytes(), { 1: (item) => addAttribute(attributes, item.bytes()) }),
    2: (scope) => readMessage(scope.bytes(), { 2: (span) => encoded.push(span.bytes()) }),
  });
  const service = String(attributes['service.name'] ?? '');
  return encoded.map((span) => decodeSpan(span, service));
}

function decodeSpan(bytes: Uint8Array, service: string): ReceivedSpan {
  const attributes: Record<string, string | number | boolean> = {};
  const links: string[] = [];
  const texts = { name: '', traceId: '', spanId: '', parentSpanId: '' };
  const numbers = { kind: 0, status: 0 };
  const hex = (reader: BinaryReader): string => Buffer.from(reader.bytes()).toString('hex');
  readMessage(bytes, {
    1: (reader) => (texts.traceId = hex(reader)),
    2: (reader) => (texts.spanId = hex(reader)),
    4: (reader) => (texts.parentSpanId = hex(reader)),
    5: (reader) => (texts.name = reader.string()),
    6: (reader) => (numbers.kind = reader.int32()),
    9: (reader) => addAttribute(attributes, reader.bytes()),
    13: (reader) => readMessage(reader.bytes(), { 2: (link) => links.push(hex(link)) }),
    15: (reader) => readMessage(reader.bytes(), { 3: (status) => (numbers.status = status.int32()) }),
  });
  return { service, ...texts, ...numbers, attributes, links };
}

function addAttribute(into: Record<string, string | number | boolean>, bytes: Uint8Array): void {
  let key = '';
  let value: string | number | boolean | undefined;
  readMessage(bytes, {
    1: (reader) => (key = reader.string()),
    2: (reader) =>
      readMessage(reader.bytes(), {
        1: (any) => (value = any.string()),
        2: (any) => (value = any.bool()),
        3: (any) => (value = Number(any.int64())),
        4: (any) => (value = any.double()),
      }),
  });
  if (value !== undefined) into[key] = value;
}
