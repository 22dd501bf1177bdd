import { setTimeout as delay } from 'node:timers/promises';
import * as grpc from '@grpc/grpc-js';
import { decodeHealthStatus, encodeHealthRequest, healthStatus } from './health-codec.js';
import { rebuiltKey } from './health.js';
import type { RebuiltNote, ServingStatus } from './health.js';

/** Answer of {@link checkHealth}. */
export interface HealthReport {
  /** UNREACHABLE: no answer within the time, or no health service there. */
  status: ServingStatus | 'UNREACHABLE';
  /** Why it is unreachable. */
  detail?: string;
  /** Of a service with a database: when and from what that was built. */
  rebuilt?: RebuiltNote;
}

/**
 * Asks the server at `address` (host:port) for the health of `service` (default `''`, the whole server). Never rejects;
 * answers after `timeoutMs` (default 1000) at the latest. `credentials`: default plain text.
 */
export function checkHealth(
  address: string,
  service = '',
  timeoutMs = 1000,
  credentials: grpc.ChannelCredentials = grpc.credentials.createInsecure(),
): Promise<HealthReport> {
  const client = new grpc.Client(address, credentials, {
    'grpc.enable_channelz': 0,
    'grpc.use_local_subchannel_pool': 1,
  });
  return new Promise<HealthReport>((resolve) => {
    let rebuilt: RebuiltNote | undefined;
    const call = client.makeUnaryRequest(
      '/grpc.health.v1.Health/Check',
      encodeHealthRequest,
      decodeHealthStatus,
      service,
      new grpc.Metadata(),
      { deadline: Date.now() + timeoutMs },
      (error, status) => {
        if (error === null)
          resolve({ status: nameOf(status), ...(rebuilt === undefined ? {} : { rebuilt }) });
        else if (error.code === grpc.status.NOT_FOUND) resolve({ status: 'SERVICE_UNKNOWN' });
        else resolve({ status: 'UNREACHABLE', detail: error.message });
      },
    );
    call.on('metadata', (metadata) => (rebuilt = rebuiltOf(metadata)));
  }).finally(() => client.close());
}

/**
 * Resolves when `service` at `address` is SERVING, asking every 50 ms. After `timeoutMs`, or when `signal` aborts, it
 * rejects with what was seen last.
 */
export async function waitUntilServing(
  address: string,
  service = '',
  timeoutMs = 30_000,
  signal?: AbortSignal,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const left = deadline - Date.now();
    const report = await checkHealth(address, service, Math.max(50, Math.min(1000, left)));
    if (report.status === 'SERVING') return;
    if (left <= 0 || signal?.aborted === true) {
      throw new Error(
        `${address}${service === '' ? '' : ` (${service})`} is not serving: ${report.status}${report.detail === undefined ? '' : `, ${report.detail}`}`,
      );
    }
    await delay(50);
  }
}

function rebuiltOf(metadata: grpc.Metadata): RebuiltNote | undefined {
  const [value] = metadata.get(rebuiltKey);
  if (typeof value !== 'string') return undefined;
  try {
    return JSON.parse(value) as RebuiltNote;
  } catch {
    return undefined;
  }
}

function nameOf(status: number | undefined): ServingStatus {
  const entry = Object.entries(healthStatus).find(([, value]) => value === status);
  return (entry?.[0] as ServingStatus | undefined) ?? 'UNKNOWN';
}
