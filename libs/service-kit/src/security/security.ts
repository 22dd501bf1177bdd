import { createServer as createPlainServer } from 'node:http';
import type { RequestListener, Server, ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { ServerCredentials } from '@grpc/grpc-js';
import type { Logger } from '@rookery/telemetry';
import { ConfigError } from '../config/load-config.js';
import type { CoreConfig } from '../config/load-config.js';
import { createAuthoriser } from './authoriser.js';
import type { Authoriser } from './authoriser.js';
import { judgeExposure } from './exposure.js';
import { serverCredentialsOf } from './grpc-credentials.js';
import { peersFromEnvironment } from './peers.js';
import type { Peers } from './peers.js';
import { contextOf, TlsFiles } from './tls-files.js';

/** Who may call a service, and how it calls others. */
export interface Security {
  /** Undefined: nobody is asked who it is. */
  readonly authoriser: Authoriser | undefined;
  /** Credentials of the gRPC server; undefined: plain text. */
  readonly grpcCredentials: ServerCredentials | undefined;
  /** Whether its servers speak TLS. */
  readonly encrypted: boolean;
  /** For calls to other services. */
  readonly peers: Peers;
  /** An HTTP server that speaks TLS where it is switched on (1.2 or newer), and follows renewals of the certificate. */
  createHttpServer(options: ServerOptions, listener: RequestListener): Server;
}

/**
 * Judges and opens what the configuration says about security. Throws one `ConfigError` (exit code 78) with every fault:
 * an address beyond loopback without TLS or without authentication, settings that contradict each other, files that can't
 * be used. `listens`: whether the service has a port at all.
 */
export function openSecurity(config: CoreConfig, logger: Logger, listens: boolean): Security {
  const { refusals, warnings } = judgeExposure(config, listens);
  if (refusals.length > 0) throw new ConfigError(refusals);
  for (const warning of warnings)
    logger.warn({ allowed_by: 'ROOKERY_ALLOW_INSECURE_NETWORK' }, `insecure: ${warning}`);

  const { ROOKERY_TLS_CERT: cert, ROOKERY_TLS_KEY: key, ROOKERY_TOKENS_FILE: tokensFile } = config;
  const requireClient = config.ROOKERY_TLS_CLIENT_AUTH === 'require';
  const note = (message: string, error?: Error): void => {
    if (error === undefined) logger.info({ cert }, message);
    else logger.error({ err: error, cert }, `${message}; the ones before stay in force`);
  };
  const files =
    cert === undefined
      ? undefined
      : usable(
          'ROOKERY_TLS_CERT, _KEY, _CA',
          () => new TlsFiles({ cert, key, ca: requireClient ? config.ROOKERY_TLS_CA : undefined }, note),
        );
  const authoriser =
    tokensFile === undefined && !requireClient
      ? undefined
      : usable('ROOKERY_TOKENS_FILE', () =>
          createAuthoriser({
            tokensFile,
            onRefused: (error) =>
              logger.error(
                { tokens_file: tokensFile, reason: error.message },
                'the changed file of tokens cannot be used; the tokens before stay in force',
              ),
          }),
        );
  const peers = usable('', () =>
    peersFromEnvironment({
      ROOKERY_ALLOW_INSECURE_NETWORK: String(config.ROOKERY_ALLOW_INSECURE_NETWORK),
      ROOKERY_TLS_CERT: cert,
      ROOKERY_TLS_KEY: key,
      ROOKERY_TLS_CA: config.ROOKERY_TLS_CA,
      ROOKERY_TOKEN: config.ROOKERY_TOKEN,
      ROOKERY_TOKEN_FILE: config.ROOKERY_TOKEN_FILE,
    }),
  );
  return {
    authoriser,
    peers,
    encrypted: files !== undefined,
    grpcCredentials: files === undefined ? undefined : serverCredentialsOf(files, requireClient),
    createHttpServer(options, listener) {
      if (files === undefined) return createPlainServer(options, listener);
      const client = {
        requestCert: requireClient,
        rejectUnauthorized: requireClient,
        minVersion: 'TLSv1.2' as const,
      };
      const server = createTlsServer({ ...options, ...client, ...contextOf(files.material) }, listener);
      const off = files.onRenewal((material) =>
        server.setSecureContext({ minVersion: client.minVersion, ...contextOf(material) }),
      );
      server.once('close', off);
      return server;
    },
  };
}

function usable<T>(variable: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError([variable === '' ? reason : `${variable} can't be used: ${reason}`]);
  }
}
