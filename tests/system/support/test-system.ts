import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { connect } from '@nats-io/transport-node';
import type { NatsConnection } from '@nats-io/transport-node';
import type { DatasetRequest, PublishedRun, RookeryClient, RunOutcome } from '@rookery/client';
import { serviceEntries, startEmbedded } from '@rookery/deploy/embedded';
import type { EmbeddedSystem } from '@rookery/deploy/embedded';
import type { ModelVersion } from '@rookery/proto/rookery/registry/v1/registry';
import { checkHealth } from '@rookery/service-kit/client';

import { clientOf } from '../../suite/client-of.js';
import { EventTap } from './event-tap.js';
import { within } from './waiting.js';

/** Root of the repository. */
export const repositoryRoot = fileURLToPath(new URL('../../../', import.meta.url));

/** Services that an event passes on its way, all but the console. */
export const pathServices = serviceEntries.map(({ name }) => name).filter((name) => name !== 'console');

/** Uri of an example file of data/. */
export function exampleUri(file: string): string {
  return pathToFileURL(join(repositoryRoot, 'data', file)).href;
}

/** A real system on ports and folders of its own. */
export interface TestSystem {
  readonly system: EmbeddedSystem;
  readonly client: RookeryClient;
  /** A plain NATS client: knows nothing of Rookery. */
  readonly nats: NatsConnection;
  readonly tap: EventTap;
  /** Folder for files of the test; removed at the end. */
  readonly directory: string;
  /** Crashes and restarts that the launcher told of. */
  readonly notes: readonly string[];
  /** Publishes through the client and waits for the end of the run. */
  run(request: DatasetRequest, deadlineMs?: number): Promise<PublishedRun & { readonly end: RunOutcome }>;
  /** As `run`, and fails where no replica came to serve the model. */
  serve(request: DatasetRequest): Promise<{ readonly runId: string; readonly version: ModelVersion }>;
  /** Names of services that do not answer SERVING, or were restarted. */
  unhealthy(): Promise<string[]>;
  stop(): Promise<void>;
}

/** Starts nats-server and the services as real processes. */
export async function startTestSystem(
  options: { readonly env?: Readonly<Record<string, string>>; readonly services?: readonly string[] } = {},
): Promise<TestSystem> {
  const directory = mkdtempSync(join(tmpdir(), 'rookery-test-'));
  const notes: string[] = [];
  const system = await startEmbedded({
    root: repositoryRoot,
    dataDir: join(directory, 'data'),
    anyPorts: true,
    services: options.services ?? pathServices,
    readyDeadlineMs: 90_000,
    onEvent: (note) => notes.push(note),
    // One database server for several systems would mix them up: only who asks gets it.
    env: { MONGODB_URL: '', ...options.env },
  });
  const client = clientOf(system, 'test');
  const nats = await connect({ servers: system.natsUrl, maxReconnectAttempts: -1, reconnectTimeWait: 100 });
  const tap = await EventTap.open(nats);

  const run: TestSystem['run'] = async (request, deadlineMs = 100_000) => {
    const published = await client.publish(request);
    try {
      const end = await within(
        published.outcome,
        `the end of ${published.runId} (${request.name})`,
        deadlineMs,
      );
      return { ...published, end };
    } finally {
      await published.stop();
    }
  };
  return {
    system,
    client,
    nats,
    tap,
    directory,
    notes,
    run,
    async serve(request) {
      const { end, runId } = await run(request);
      if (end.state !== 'serving') throw new Error(`${request.name} is not served: ${JSON.stringify(end)}`);
      return { runId, version: await client.modelVersion(end.swapped.model, end.swapped.version) };
    },
    async unhealthy() {
      const found: string[] = [];
      for (const [name, address] of Object.entries(system.addresses)) {
        const http = serviceEntries.find((entry) => entry.name === name)?.protocol === 'http';
        const status = http ? await httpStatus(address) : (await checkHealth(address, '', 5_000)).status;
        const restarts = system.processes.get(name)?.restarts ?? 0;
        if (status !== 'SERVING' || restarts > 0) found.push(`${name}: ${status}, ${restarts} restarts`);
      }
      return found;
    },
    async stop() {
      tap.close();
      await nats.close();
      await client.close();
      await system.stop();
      // The logs are what tells why a test failed: kept where they are asked for.
      if (process.env['KEEP_TEST_DATA'] === undefined) rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function httpStatus(address: string): Promise<string> {
  try {
    const answer = await fetch(`http://${address}/health`, { signal: AbortSignal.timeout(5_000) });
    await answer.body?.cancel();
    return answer.ok ? 'SERVING' : `HTTP ${answer.status}`;
  } catch (error) {
    return (error as Error).message;
  }
}
