export { runService, type ServiceDefinition, type ServiceUses } from './run-service.js';
export type { Kit, ServiceHandle, StopFunction, StopOptions, StopPhase, Stoppable } from './kit.js';

export {
  defineConfig,
  loadConfig,
  ConfigError,
  coreVariables,
  type Config,
  type ConfigKey,
  type ConfigOf,
  type CoreConfig,
} from './config/load-config.js';
export { variables, type VariableName, type VariableSpec } from './config/variables.js';
export { renderConfigTable } from './config/render-config-table.js';
export { portVariableOf } from './config/port-variable.js';

export { unary, serverStream, clientStream, bidi } from './grpc/handlers.js';
export type {
  BidiHandler,
  ClientStreamHandler,
  ServerStreamHandler,
  UnaryHandler,
} from './grpc/handler-types.js';
export type { CallContext } from './grpc/call-context.js';
export { createGrpcServer, type GrpcServer, type GrpcServerOptions } from './grpc/server.js';
export { statusOfError, type ErrorStatus } from './grpc/error-status.js';
export { remoteErrorOf, type RemoteError } from './grpc/remote-error.js';
export { createGrpcClient, channelOptions, traceInterceptor, type GrpcClientOptions } from './grpc/client.js';
export { callUnary, type CallUnaryOptions } from './grpc/call-unary.js';
export { checkHealth, waitUntilServing, type HealthReport } from './grpc/check-health.js';
export { createHealth, type Health, type ServingStatus } from './grpc/health.js';

export { connectWithRetry, type ConnectOptions } from './lifecycle/connect-with-retry.js';
export { exitCodes, ServiceExitError } from './lifecycle/exit-codes.js';

export { projection, type LogProjection } from './rebuild/log-projection.js';
export { keepRebuilt } from './rebuild/keep-rebuilt.js';
export { rebuildFromLog, type RebuildParts, type RebuildSpec } from './rebuild/rebuild-from-log.js';
export { rebuildCollection, type RebuildRecord } from './rebuild/rebuild-record.js';

export { createAuthoriser, type Authoriser, type Identity, type Proof } from './security/authoriser.js';
export { roles, methodAccess, type Access, type Role } from './security/roles.js';
export type { Security } from './security/security.js';
export { proofOf } from './security/http-proof.js';
export { judgeExposure, type Exposure } from './security/exposure.js';
