import { RookeryClient, addressesFromEnvironment } from '@rookery/client';
import { startTelemetry } from '@rookery/telemetry';

/** Runs something with a client for the system that the environment names, and closes all after it. */
export async function withClient<T>(use: (client: RookeryClient) => Promise<T>): Promise<T> {
  const telemetry = startTelemetry({ serviceName: 'rookery-cli', env: process.env });
  await telemetry.ready;
  const client = new RookeryClient({ addresses: addressesFromEnvironment(process.env), name: 'cli' });
  try {
    return await use(client);
  } finally {
    await client.close();
    await telemetry.shutdown();
  }
}
