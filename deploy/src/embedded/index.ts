export { startEmbedded } from './embedded-system.js';
export type { EmbeddedOptions, EmbeddedSystem } from './embedded-system.js';
export { freePort } from './free-port.js';
export { serviceEntries } from './services.js';
export type { ServiceEntry } from './services.js';
export type { SupervisedProcess } from './supervised-process.js';
