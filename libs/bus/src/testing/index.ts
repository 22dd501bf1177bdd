export { startNatsServer, findNatsServer } from './nats-server.js';
export type { NatsServer, NatsServerOptions } from './nats-server.js';
export { collect } from './collect.js';
