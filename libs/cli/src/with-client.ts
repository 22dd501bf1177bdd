import {
  RookeryClient,
  addressesFromEnvironment,
  loginFromEnvironment,
  peersFromEnvironment,
} from '@rookery/client';
import type { ClientOptions } from '@rookery/client';
import { startTelemetry } from '@rookery/telemetry';

/**
 * Runs something with a client for the system that the environment names, and closes all after it. Where a logger is
 * given, the client logs to it.
 */
export async function withClient<T>(
  use: (client: RookeryClient) => Promise<T>,
  options: Pick<ClientOptions, 'logger'> = {},
): Promise<T> {
  const telemetry = startTelemetry({ serviceName: 'rookery-cli', env: process.env });
  await telemetry.ready;
  const client = new RookeryClient({
    addresses: addressesFromEnvironment(process.env),
    name: 'cli',
    peers: peersFromEnvironment(process.env),
    login: loginFromEnvironment(process.env),
    ...options,
  });
  try {
    return await use(client);
  } finally {
    await client.close();
    await telemetry.shutdown();
  }
}
