// Health of the service in this container: exit code 0 if it is ready. gRPC services are asked by the health protocol
// (grpc.health.v1), the console by GET /health. Uses Node's own modules only.
import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import { connect } from 'node:http2';
import { get as getEncrypted } from 'node:https';

/** Per service: variable with its port, default port, protocol. A test holds it to the services of the launcher. */
const services = {
  ingest: ['ROOKERY_INGEST_PORT', 7074, 'grpc'],
  transform: ['ROOKERY_TRANSFORM_PORT', 7076, 'grpc'],
  trainer: ['ROOKERY_TRAINER_PORT', 7077, 'grpc'],
  evaluator: ['ROOKERY_EVALUATOR_PORT', 7078, 'grpc'],
  registry: ['ROOKERY_REGISTRY_PORT', 7073, 'grpc'],
  inference: ['ROOKERY_INFERENCE_GRPC_PORT', 7071, 'grpc'],
  monitor: ['ROOKERY_MONITOR_PORT', 7075, 'grpc'],
  console: ['ROOKERY_CONSOLE_PORT', 7070, 'http'],
};

const timeoutMs = 3_000;
const name = process.env.SERVICE ?? '';
const entry = services[name];
if (entry === undefined) end(`SERVICE names no service: ${JSON.stringify(name)}`);
const [variable, defaultPort, protocol] = entry;
// A service that has a certificate speaks TLS only, and may want to see one: its own will do.
const { ROOKERY_TLS_CERT: cert, ROOKERY_TLS_KEY: key, ROOKERY_TLS_CA: ca } = process.env;
const tls = cert
  ? { cert: read(cert), key: read(key), ...(ca && ca !== 'system' ? { ca: read(ca) } : {}) }
  : undefined;
// Named by localhost, which its certificate holds: TLS takes no address for a server's name.
const authority = `${tls ? 'https://localhost' : 'http://127.0.0.1'}:${process.env[variable] || defaultPort}`;

setTimeout(() => end(`${name} did not answer within ${timeoutMs} ms`), timeoutMs).unref();
if (protocol === 'http') {
  (tls ? getEncrypted : get)(`${authority}/health`, { ...tls, agent: false }, ({ statusCode }) =>
    end(statusCode === 200 ? undefined : `${name} answered ${statusCode}`),
  ).on('error', (error) => end(String(error)));
} else askGrpc();

function askGrpc() {
  const session = connect(authority, tls);
  session.on('error', (error) => end(error.message));
  const stream = session.request({
    ':method': 'POST',
    ':path': '/grpc.health.v1.Health/Check',
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  const chunks = [];
  let status;
  stream.on('error', (error) => end(error.message));
  stream.on('response', (headers) => (status ??= headers['grpc-status']));
  stream.on('trailers', (headers) => (status = headers['grpc-status']));
  stream.on('data', (chunk) => chunks.push(chunk));
  stream.on('end', () => {
    if (status !== undefined && String(status) !== '0') end(`${name}: grpc status ${status}`);
    // HealthCheckResponse { status = 1 (SERVING) } behind the frame's five bytes.
    const message = Buffer.concat(chunks).subarray(5);
    end(
      message.length === 2 && message[0] === 0x08 && message[1] === 1 ? undefined : `${name} is not serving`,
    );
  });
  // HealthCheckRequest without a service name: the whole server. An empty, uncompressed frame.
  stream.end(Buffer.alloc(5));
}

function read(file) {
  return readFileSync(file ?? '');
}

function end(problem) {
  if (problem !== undefined) process.stderr.write(`${problem}\n`);
  process.exit(problem === undefined ? 0 : 1);
}
