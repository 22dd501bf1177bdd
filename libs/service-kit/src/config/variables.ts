import { availableParallelism } from 'node:os';
import type { ZodMiniType } from 'zod/mini';
import { logLevels } from '@rookery/telemetry';
import {
  decimal,
  file,
  flag,
  folders,
  integer,
  list,
  networks,
  oneOf,
  port,
  text,
  urls,
} from './value-schemas.js';

/** One variable of the environment. */
export interface VariableSpec<T = unknown> {
  /** What it does, one sentence or two; printed in docs/contracts/config.md. */
  readonly description: string;
  /** Value when the variable is not set, as it would stand in the environment; `undefined`: then it has no value. */
  readonly default: string | undefined;
  /** What the document says instead of `default`, where the default depends on the machine. */
  readonly defaultNote?: string;
  /** Takes the text, gives the typed value, or says what is allowed. */
  readonly schema: ZodMiniType<T, string>;
  /** What is allowed, in words, for the document. */
  readonly allowed: string;
  /** True: the value is never printed or logged. */
  readonly secret?: boolean;
}

function variable<T>(
  allowed: string,
  schema: ZodMiniType<T, string>,
  fallback: string,
  description: string,
  more: { defaultNote?: string } = {},
): VariableSpec<T> & { default: string } {
  return { allowed, schema, default: fallback, description, ...more };
}

function optional<T>(
  allowed: string,
  schema: ZodMiniType<T, string>,
  description: string,
  more: { secret?: boolean; defaultNote?: string } = {},
): VariableSpec<T> & { default: undefined } {
  return { allowed, schema, default: undefined, description, ...more };
}

const count = (
  fallback: string,
  minimum: number,
  description: string,
  maximum?: number,
): VariableSpec<number> & { default: string } =>
  variable(
    maximum === undefined ? `integer ≥ ${minimum}` : `integer ${minimum} to ${maximum}`,
    integer(minimum, maximum),
    fallback,
    description,
  );

const portOf = (fallback: string, what: string): VariableSpec<number> & { default: string } =>
  variable('port, 0 = any free one', port(), fallback, `Port of ${what}.`);

/**
 * Every variable that Rookery reads, by name. The one place where a variable is declared: an `ROOKERY_*` name that is
 * not here is refused at start, and docs/contracts/config.md is written from this table.
 */
export const variables = {
  // Where things are
  ROOKERY_NATS_URL: variable(
    'nats:// or tls:// URL, or several with commas',
    urls('nats', 'tls', 'ws', 'wss'),
    'nats://127.0.0.1:7422',
    'The NATS server or cluster. It must have JetStream.',
  ),
  MONGODB_URL: optional(
    'mongodb:// or mongodb+srv:// URL',
    urls('mongodb', 'mongodb+srv'),
    'MongoDB for the metadata. Not set: an embedded store on files in ROOKERY_DATA_DIR.',
    { secret: true },
  ),
  ROOKERY_DATA_DIR: variable(
    'folder',
    text(/^[^\0]+$/, 'a folder'),
    '.rookery',
    'Folder for everything kept on this machine: the embedded store, the embedded NATS.',
  ),
  ROOKERY_ARTIFACTS_URL: variable(
    '`nats:`, file:///folder or s3://bucket/prefix',
    text(
      /^(nats:|file:\/\/\/.*|s3:\/\/[^\s/]+.*)$/,
      'nats:, file:///folder or s3://bucket/prefix?endpoint=…&region=…',
    ),
    'nats:',
    'Where datasets, models and reports are kept: the NATS object store, a folder, or an S3 bucket (`?endpoint=…&region=…`; keys from the standard AWS_* variables).',
  ),
  ROOKERY_HOST: variable(
    'address or host name',
    text(/^[\w.:[\]-]+$/, 'an address or a host name'),
    '127.0.0.1',
    'Address that every service listens on.',
  ),

  // Who may
  ROOKERY_ALLOW_INSECURE_NETWORK: variable(
    '`true` or `false`',
    flag(),
    'false',
    'Listen on, and connect to, addresses beyond loopback without TLS and without asking who calls: for a network of its own, such as that of a compose file, or a mesh that does both. Logged as a warning.',
  ),
  ROOKERY_TLS_CERT: optional(
    'file',
    file(),
    'Certificate chain (PEM) that gRPC and HTTP servers show, and clients where they are asked. Read again when it changes.',
  ),
  ROOKERY_TLS_KEY: optional('file', file(), 'Private key (PEM) of ROOKERY_TLS_CERT.'),
  ROOKERY_TLS_CA: optional(
    'file, or `system`',
    file(),
    'Authorities (PEM) that sign for the servers one calls, and for the clients that call; `system`: those that Node brings. Clients speak TLS where this or ROOKERY_TLS_CERT is set.',
  ),
  ROOKERY_TLS_CLIENT_AUTH: variable(
    '`none` or `require`',
    oneOf('none', 'require'),
    'none',
    'Mutual TLS: `require` lets in clients with a certificate of ROOKERY_TLS_CA only.',
  ),
  ROOKERY_TOKENS_FILE: optional(
    'file',
    file(),
    'File of the tokens that callers may show, as hashes (`rookery tokens create`). Set: every call needs one. Read again when it changes.',
  ),
  ROOKERY_TOKEN: optional(
    'token',
    text(/^\S{16,}$/, 'a token of at least 16 characters without spaces'),
    'Token that a client, or the console, shows to the services.',
    { secret: true },
  ),
  ROOKERY_TOKEN_FILE: optional('file', file(), 'File with that token instead; read again when it changes.'),
  ROOKERY_NATS_USER: optional('user name', text(/^\S+$/, 'a user name'), 'User of the NATS server.'),
  ROOKERY_NATS_PASSWORD: optional('text', text(/^.+$/, 'a password'), 'Password of ROOKERY_NATS_USER.', {
    secret: true,
  }),
  ROOKERY_NATS_TOKEN: optional('text', text(/^.+$/, 'a token'), 'Token of the NATS server.', {
    secret: true,
  }),
  ROOKERY_NATS_NKEY: optional(
    'file',
    file(),
    'File with the nkey seed (`SU…`) of the NATS user. Read again at every connection.',
  ),
  ROOKERY_NATS_CREDS: optional(
    'file',
    file(),
    'File with the JWT and seed (`.creds`) of the NATS user. Read again at every connection.',
  ),
  ROOKERY_NATS_TLS_CA: optional(
    'file',
    file(),
    'Authorities (PEM) that sign for the NATS server. Set: a server without TLS is refused.',
  ),
  ROOKERY_NATS_TLS_CERT: optional('file', file(), 'Client certificate (PEM) for the NATS server.'),
  ROOKERY_NATS_TLS_KEY: optional('file', file(), 'Private key (PEM) of ROOKERY_NATS_TLS_CERT.'),

  // Ports
  ROOKERY_NATS_PORT: portOf('7422', 'the embedded NATS server'),
  ROOKERY_CONSOLE_PORT: portOf('7070', 'the console (HTTP)'),
  ROOKERY_INFERENCE_GRPC_PORT: portOf('7071', 'inference (gRPC)'),
  ROOKERY_INFERENCE_HTTP_PORT: portOf('7072', 'inference (HTTP, Open Inference Protocol)'),
  ROOKERY_REGISTRY_PORT: portOf('7073', 'registry (gRPC)'),
  ROOKERY_INGEST_PORT: portOf('7074', 'ingest (gRPC)'),
  ROOKERY_MONITOR_PORT: portOf('7075', 'monitor (gRPC)'),
  ROOKERY_TRANSFORM_PORT: portOf('7076', 'transform (gRPC)'),
  ROOKERY_TRAINER_PORT: portOf('7077', 'trainer (gRPC, health only)'),
  ROOKERY_EVALUATOR_PORT: portOf('7078', 'evaluator (gRPC, health only)'),

  // Behaviour of every service
  ROOKERY_MODE: variable(
    '`development` or `production`',
    oneOf('development', 'production'),
    'development',
    'In development a run without a seed takes 42; in production it draws a fresh one and records it.',
  ),
  ROOKERY_LOG_LEVEL: variable(
    logLevels.map((level) => `\`${level}\``).join(', '),
    oneOf(...logLevels),
    'info',
    'Least severe level that is logged.',
  ),
  ROOKERY_LOG_PRETTY: variable('`true` or `false`', flag(), 'false', 'Log lines for people instead of JSON.'),
  ROOKERY_STREAM_REPLICAS: count('1', 1, 'Replicas of every JetStream stream; 3 in a cluster.', 5),
  ROOKERY_ACK_WAIT_MS: count(
    '30000',
    1000,
    'How long the broker waits for a sign of life of who handles an event before it hands it to another, in milliseconds.',
  ),
  ROOKERY_JOB_DEADLINE_MS: count(
    '600000',
    1000,
    'Longest time a job (one fold, or the final training) may take before it is given up, in milliseconds.',
  ),
  ROOKERY_JOB_ACK_WAIT_MS: count(
    '30000',
    300,
    'How long a job waits for a sign of life of the trainer that has it before another one gets it, in milliseconds. Signs come three times as often, also while it trains.',
  ),
  ROOKERY_RUN_STALL_MS: count(
    '3600000',
    100,
    'How long nothing may happen to a run that waits in no queue before it fails (RK_RUN_STALLED, to be resumed), in milliseconds.',
  ),
  ROOKERY_CONNECT_TIMEOUT_MS: count(
    '60000',
    0,
    'How long a starting service waits for NATS and MongoDB, in milliseconds.',
  ),
  ROOKERY_STOP_TIMEOUT_MS: count(
    '10000',
    100,
    'How long a stopping service waits for events and calls in flight, in milliseconds.',
  ),
  ROOKERY_STOP_ON_PARENT_EXIT: variable(
    '`true` or `false`',
    flag(),
    'false',
    'Stop when the process that started this one has died, so that nothing is left behind.',
  ),
  ROOKERY_GRPC_MAX_RECEIVE_BYTES: count(
    '4194304',
    1024,
    'Largest gRPC message a server accepts, in bytes.',
    1_073_741_824,
  ),
  ROOKERY_GRPC_MAX_STREAMS: count(
    '1000',
    1,
    'Calls at once on one gRPC connection; more wait at the client.',
  ),
  ROOKERY_REFLECTION: variable(
    '`true` or `false`',
    flag(),
    'true',
    'Whether gRPC servers answer reflection requests (grpcurl).',
  ),

  // Data that comes in
  ROOKERY_FILE_ROOTS: optional(
    'absolute folders with colons between them',
    folders(),
    'Folders that a file:// dataset may lie in; `/` allows all. Not set: while ROOKERY_HOST is a loopback address the working directory and the folder for temporary files, without hidden files; none otherwise. Files of ROOKERY_DATA_DIR are never read unless a folder below it is named.',
    { defaultNote: 'working directory and temporary files, on loopback' },
  ),
  ROOKERY_FETCH_HOSTS: optional(
    'host names with commas between them, `*.example.org` for all below a name',
    list(/^(\*\.)?[\w.:-]+$/, 'host names with commas between them'),
    'Hosts that an http(s):// dataset may be fetched from, redirects included. Not set: any.',
    { defaultNote: 'any' },
  ),
  ROOKERY_FETCH_NETWORKS: optional(
    'addresses and networks (10.1.0.0/16, fd00::/8) with commas between them, or `none`',
    networks(),
    'Addresses that are not public (loopback, private, link-local, reserved) and may be fetched from all the same. Not set: loopback ones while ROOKERY_HOST is one, none otherwise. Redirects from a public address never lead there.',
    { defaultNote: 'loopback, on loopback' },
  ),
  ROOKERY_FETCH_REDIRECTS: count('5', 0, 'Most redirects that are followed for one dataset.', 50),
  ROOKERY_FETCH_IDLE_MS: count(
    '30000',
    1,
    'Longest wait for the answer of a server, and between two pieces of a file, in milliseconds.',
  ),
  ROOKERY_FETCH_TOTAL_MS: count('600000', 1, 'Longest time that one download may take, in milliseconds.'),
  ROOKERY_MAX_DATASET_BYTES: count('1073741824', 1, 'Largest dataset that is taken in, in bytes.'),
  ROOKERY_MAX_COLUMNS: count('2000', 1, 'Most columns of a dataset.'),
  ROOKERY_MAX_ROWS: count('20000000', 1, 'Most rows of a dataset.'),
  ROOKERY_MAX_CELLS: count(
    '200000000',
    1,
    'Most cells (rows × columns) of a dataset: a small file can stand for very many.',
  ),
  ROOKERY_MAX_ROW_BYTES: count('16777216', 1, 'Longest line of a CSV or JSON Lines file, in bytes.'),
  ROOKERY_MAX_CELL_BYTES: count('1048576', 1, 'Longest text of a cell, in bytes.'),
  ROOKERY_MAX_UNPACK_RATIO: count(
    '200',
    1,
    'How many times its size a compressed file may unpack to, beyond 64 MiB.',
  ),

  // Training
  ROOKERY_TF_BACKEND: variable(
    '`auto`, `gpu`, `node`, `wasm`, `cpu`',
    oneOf('auto', 'gpu', 'node', 'wasm', 'cpu'),
    'auto',
    'TensorFlow.js backend: `auto` takes the fastest that is installed.',
  ),
  ROOKERY_ENGINE: variable(
    '`auto`, `compiled`, `onnx`, `tfjs`',
    oneOf('auto', 'compiled', 'onnx', 'tfjs'),
    'auto',
    'How training steps are computed: `compiled` are loops that give the bits of the TensorFlow.js cpu backend, many times faster; `onnx` is the training graph on onnxruntime, for larger networks; `tfjs` are the kernels of TensorFlow.js. `auto` takes what is fastest for the size of the network and can express it.',
  ),
  ROOKERY_ONNX_PROVIDERS: variable(
    '`cpu`, `cuda`, `webgpu`; several with commas between them',
    list(/^(cpu|cuda|webgpu)$/, 'cpu, cuda or webgpu, or several with commas between them'),
    'cpu',
    'Execution providers of onnxruntime that the engine onnx trains on, the preferred one first; the processor does what is left. `cuda` needs the CUDA libraries that onnxruntime-node fetches at install where it is let to, `webgpu` a driver with Vulkan. One that does not work keeps the trainer from starting. On another provider than `cpu`, a trainer has one thread, and weights are not equal to the bit from run to run.',
  ),
  ROOKERY_ONNX_THREADS: count(
    '1',
    1,
    'Threads of one fit by the engine onnx, where its network is large enough to use them. Folds side by side use cores better: raise it where a trainer has more cores than fits, and keep ROOKERY_TRAINER_WORKERS times this within the cores. Another number may change the last bits of weights; it is recorded with the engine.',
  ),
  ROOKERY_TRAINER_WORKERS: variable(
    'integer 1 to 256',
    integer(1, 256),
    String(availableParallelism()),
    'Jobs that one trainer works on at once, each in its own thread.',
    { defaultNote: 'number of cores' },
  ),

  // Plug-ins
  ROOKERY_PLUGINS: optional(
    'package names or folders (`./…`, `/…`) with commas between them',
    list(/^[^\0\s,]+$/, 'package names or folders with commas between them'),
    'Plug-ins that a request may name (docs/contracts/plugins.md); transform, trainer, evaluator and inference need the same list. Of several versions of one package the first is for new runs. Not set: none.',
    { defaultNote: 'none' },
  ),
  ROOKERY_PLUGIN_ROOT: variable(
    'folder',
    text(/^[^\0]+$/, 'a folder'),
    '.',
    'Folder in whose node_modules (or those above) the packages of ROOKERY_PLUGINS are looked for, and to which its folders are relative.',
  ),
  ROOKERY_PLUGIN_MEMORY_MB: count(
    '1024',
    128,
    'Most memory of the process of a plug-in, in MiB; one that takes more is ended.',
  ),
  ROOKERY_PLUGIN_FIT_MS: count('300000', 10, 'Longest time of one fit by a plug-in, in milliseconds.'),
  ROOKERY_PLUGIN_CALL_MS: count(
    '10000',
    10,
    'Longest time in which a plug-in is loaded, checks its options, or predicts up to 1,024 rows, in milliseconds.',
  ),

  // Serving
  ROOKERY_MAX_PREDICT_ROWS: count('10000', 1, 'Most rows of one prediction request.'),
  ROOKERY_QUEUE_LIMIT: count(
    '1000',
    1,
    'Prediction requests that may wait; more are refused with RESOURCE_EXHAUSTED.',
  ),
  ROOKERY_QUEUE_ROWS: count(
    '100000',
    1,
    'Rows of the prediction requests that may wait, together; more are refused with RESOURCE_EXHAUSTED.',
  ),
  ROOKERY_CAPTURE_BUFFER: count(
    '100000',
    0,
    'Captured predictions that may wait to be sent; more are dropped and counted. 0 switches capture off.',
  ),
  ROOKERY_CAPTURE_BUFFER_BYTES: count(
    '67108864',
    1,
    'Memory that captured predictions may take while they wait, in bytes as estimated; the oldest are dropped beyond.',
  ),
  ROOKERY_CAPTURE_FLUSH_MS: count(
    '250',
    1,
    'Longest time a captured prediction waits to be sent, in milliseconds.',
  ),

  // Monitoring
  ROOKERY_MONITOR_EVERY: count('200', 1, 'Predictions of a model after which it is checked.'),
  ROOKERY_MONITOR_INTERVAL_MS: count(
    '60000',
    100,
    'Longest time between two checks of a model that has new predictions, in milliseconds.',
  ),
  ROOKERY_MONITOR_WINDOW: count(
    '1000',
    10,
    'Predictions, the newest ones, that a check compares with the reference.',
  ),
  ROOKERY_DRIFT_SHARE: variable(
    'number 0 to 1',
    decimal(0, 1),
    '0.5',
    'Share of drifted columns from which the dataset has drifted.',
  ),

  // The console
  ROOKERY_PEER_HOST: optional(
    'host name, `{service}` stands for the name of a service',
    text(/^[\w.:[\]{}-]+$/, 'a host name, with {service} for the name of a service'),
    'Where the console and the CLI find the services, if not on ROOKERY_HOST: `{service}` where each is a host of its own name (compose), `{service}.rookery.svc` in a cluster.',
    { defaultNote: 'ROOKERY_HOST' },
  ),
  ROOKERY_JAEGER_URL: optional(
    'http:// or https:// URL',
    urls('http', 'https'),
    'Jaeger as a browser reaches it, e.g. `http://127.0.0.1:16686`: the console links every trace id to it.',
  ),
  ROOKERY_CONSOLE_HOSTS: optional(
    'host names with commas between them',
    text(/^[\w.:[\]-]+(,[\w.:[\]-]+)*$/, 'host names with commas between them'),
    'Names by which browsers may reach the console, beside loopback ones and ROOKERY_HOST. A request for another host is refused.',
  ),
} as const satisfies Record<string, VariableSpec>;

/** Name of a variable of the table. */
export type VariableName = keyof typeof variables;
