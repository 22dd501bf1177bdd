/** The caller's half of this library, for programs that are no service. */
export { callUnary } from './grpc/call-unary.js';
export type { CallUnaryOptions } from './grpc/call-unary.js';
export { checkHealth } from './grpc/check-health.js';
export type { HealthReport } from './grpc/check-health.js';
export { createGrpcClient } from './grpc/client.js';
export type { GrpcClientOptions } from './grpc/client.js';
export { remoteErrorOf } from './grpc/remote-error.js';
export { onBehalfOf } from './security/on-behalf-of.js';
export { peersFromEnvironment } from './security/peers.js';
export type { Peers } from './security/peers.js';
export { httpStatus } from './security/http-status.js';
