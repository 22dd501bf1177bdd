import type { ClientOptions } from '@rookery/client';

/** The logger that a client takes. */
type Logger = NonNullable<ClientOptions['logger']>;

const nothing = (): void => undefined;

/** Writes the lines that carry `audit` to stderr, one JSON document each, and no others. */
export function auditLog(write: (line: string) => void = (line) => console.error(line)): Logger {
  const at =
    (level: string) =>
    (fields: object, message: string): void => {
      if ('audit' in fields)
        write(
          JSON.stringify({ time: new Date().toISOString(), level, service: 'cli', ...fields, msg: message }),
        );
    };
  const logger: Logger = {
    debug: nothing,
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => logger,
  };
  return logger;
}
