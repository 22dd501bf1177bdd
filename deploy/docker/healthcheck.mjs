// Health of the service in this container: exit code 0 if it is ready. gRPC services are asked by the health protocol
// (grpc.health.v1), the console by GET /health. Uses Node's own modules only.
import { connect } from 'node:http2';

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
const authority = `http://127.0.0.1:${process.env[variable] || defaultPort}`;

setTimeout(() => end(`${name} did not answer within ${timeoutMs} ms`), timeoutMs).unref();
if (protocol === 'http') {
  fetch(`${authority}/health`).then(
    (answer) => end(answer.ok ? undefined : `${name} answered ${answer.status}`),
    (error) => end(String(error.cause ?? error)),
  );
} else askGrpc();

function askGrpc() {
  const session = connect(authority);
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

function end(problem) {
  if (problem !== undefined) process.stderr.write(`${problem}\n`);
  process.exit(problem === undefined ? 0 : 1);
}
