/*
 * The load of the prediction benchmark, in a process of its own: unary gRPC calls over node:http2 with requests that
 * are encoded beforehand, which costs less than a grpc-js client and so leaves the server the bottleneck. Every answer
 * must be one message with grpc-status 0. Driven by messages of the parent process.
 */
import { connect } from 'node:http2';
import type { ClientHttp2Session } from 'node:http2';

/** What the parent asks for. */
export interface LoadRequest {
  port: number;
  path: string;
  concurrency: number;
  connections: number;
  durationMs: number;
  /** Encoded requests, base64, taken in turn. */
  bodies: string[];
}

/** What it gets back. */
export interface LoadResult {
  requests: number;
  failures: number;
  firstFailure: string;
  elapsedMs: number;
  p50Ms: number;
  p99Ms: number;
}

process.on('message', (request: LoadRequest) => {
  run(request).then(
    (result) => process.send?.(result),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));

async function run(request: LoadRequest): Promise<LoadResult> {
  const frames = request.bodies.map((body) => framed(Buffer.from(body, 'base64')));
  const sessions = await Promise.all(Array.from({ length: request.connections }, () => open(request.port)));
  const headers = {
    ':method': 'POST',
    ':path': request.path,
    'content-type': 'application/grpc',
    te: 'trailers',
  };
  const latencies: number[] = [];
  let failures = 0;
  let firstFailure = '';
  const startedAt = performance.now();
  const end = startedAt + request.durationMs;
  let next = 0;

  const one = (session: ClientHttp2Session): Promise<void> =>
    new Promise((resolve) => {
      const sentAt = performance.now();
      const stream = session.request(headers);
      let status = '';
      let bytes = 0;
      stream.on('response', (got) => (status = String(got['grpc-status'] ?? status)));
      stream.on('trailers', (got) => (status = String(got['grpc-status'] ?? status)));
      stream.on('data', (chunk: Buffer) => (bytes += chunk.length));
      stream.on('error', (error) => (status = error.message));
      stream.on('close', () => {
        latencies.push(performance.now() - sentAt);
        if (status !== '0' || bytes < 6) {
          failures += 1;
          firstFailure ||= `grpc-status ${status}, ${bytes} bytes`;
        }
        resolve();
      });
      stream.end(frames[next++ % frames.length]);
    });
  const worker = async (index: number): Promise<void> => {
    while (performance.now() < end) await one(sessions[index % sessions.length]!);
  };
  await Promise.all(Array.from({ length: request.concurrency }, (_, index) => worker(index)));
  const elapsedMs = performance.now() - startedAt;
  for (const session of sessions) session.close();
  latencies.sort((a, b) => a - b);
  return {
    requests: latencies.length,
    failures,
    firstFailure,
    elapsedMs,
    p50Ms: latencies[Math.floor(latencies.length * 0.5)] ?? 0,
    p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? 0,
  };
}

function framed(body: Buffer): Buffer {
  const frame = Buffer.alloc(5 + body.length);
  frame.writeUInt32BE(body.length, 1);
  body.copy(frame, 5);
  return frame;
}

function open(port: number): Promise<ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    const session = connect(`http://127.0.0.1:${port}`);
    session.once('connect', () => resolve(session));
    session.once('error', reject);
  });
}
