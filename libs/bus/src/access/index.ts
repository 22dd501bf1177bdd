export { busUserList, busUsers } from './bus-users.js';
export type { BusUser, BusUserName } from './bus-users.js';
export { newUserKey, publicKeyOf, renderNatsUsers } from './nats-config.js';
export { permissionsOf } from './permissions.js';
export type { PermissionOptions, SubjectPermissions } from './permissions.js';
export { renderPermissions } from './render-permissions.js';
