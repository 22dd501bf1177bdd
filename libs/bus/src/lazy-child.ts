import type { Logger } from './types.js';

/** A child of a logger that is made with its first line: most events are handled without one, and making it takes longer than many a handler. */
export function lazyChild(parent: Logger, fields: object): Logger {
  let made: Logger | undefined;
  const child = (): Logger => (made ??= parent.child(fields));
  return {
    debug: (more, message) => child().debug(more, message),
    info: (more, message) => child().info(more, message),
    warn: (more, message) => child().warn(more, message),
    error: (more, message) => child().error(more, message),
    child: (more) => child().child(more),
  };
}
