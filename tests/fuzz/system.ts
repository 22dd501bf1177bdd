import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { connect } from '@nats-io/transport-node';
import type { NatsConnection } from '@nats-io/transport-node';
import { rowFromProto } from '@rookery/client';
import { serviceEntries, startEmbedded } from '@rookery/deploy/embedded';
import type { EmbeddedSystem } from '@rookery/deploy/embedded';
import { events } from '@rookery/contracts';
import { checkHealth } from '@rookery/service-kit/client';

import { openLogReader } from '../chaos/log-reader.js';
import { untilIdle } from '../chaos/waiting.js';
import { clientOf } from '../suite/client-of.js';

/** The real system, with a model that serves. */
export interface FuzzSystem {
  readonly system: EmbeddedSystem;
  readonly nats: NatsConnection;
  /** Names that lead somewhere: the model, its run, artifacts, predictions. */
  readonly known: readonly string[];
  /** Memory of every process, by name. */
  memory(): ReadonlyMap<string, number>;
  /** What is wrong with the system; waits until it has nothing left to do. */
  verdict(): Promise<readonly { what: string; input: string }[]>;
  stop(): Promise<void>;
}

const deadlineMs = 180_000;

/** Starts the system in this folder and brings a first model into service. */
export async function startFuzzSystem(root: string, directory: string): Promise<FuzzSystem> {
  const notes: string[] = [];
  const system = await startEmbedded({
    root,
    dataDir: join(directory, 'data'),
    anyPorts: true,
    readyDeadlineMs: 90_000,
    onEvent: (note) => notes.push(note),
    env: { ROOKERY_LOG_LEVEL: 'warn', ROOKERY_JOB_DEADLINE_MS: '60000' },
  });
  const client = clientOf(system, 'fuzz');
  const nats = await connect({ servers: system.natsUrl, maxReconnectAttempts: -1 });
  const stop = async (): Promise<void> => {
    await nats.close();
    await client.close();
    await system.stop();
  };
  const serve = async (name: string): Promise<string> => {
    const uri = pathToFileURL(join(root, 'data/penguins.csv')).href;
    const published = await client.publish({ name, uri, target: 'species', folds: 2 });
    const timer = setTimeout(() => void published.stop(), deadlineMs);
    const end = await published.outcome;
    clearTimeout(timer);
    await published.stop();
    if (end.state !== 'serving') throw new Error(`${name} is not served: ${JSON.stringify(end)}`);
    return published.runId;
  };
  try {
    const runId = await serve('fuzz');
    const version = await client.modelVersion('fuzz', 1);
    const example = rowFromProto(version.inputExample);
    const predict = async (model: string): Promise<string> => {
      const [answer] = await client.predict(model, [example]);
      if (answer === undefined) throw new Error(`${model} gives no prediction`);
      return answer.id;
    };
    const predictionId = await predict('fuzz');
    const known = [
      'fuzz',
      'champion',
      runId,
      predictionId,
      version.package?.sha256 ?? '',
      version.reference?.sha256 ?? '',
      version.lineage?.datasetSha256 ?? '',
      version.lineage?.datasetId ?? '',
      pathToFileURL(join(root, 'data/penguins.csv')).href,
      'species',
      'island',
    ];
    return {
      system,
      nats,
      known,
      memory: () => memoryOf(system),
      async verdict() {
        const problems: { what: string; input: string }[] = [];
        const busy = await untilIdle(nats, deadlineMs);
        problems.push(...busy.map((what) => ({ what: `never handled: ${what}`, input: '' })));
        problems.push(...notes.map((what) => ({ what, input: '' })));
        for (const [name, address] of Object.entries(system.addresses)) {
          if (serviceEntries.find((entry) => entry.name === name)?.protocol === 'http') continue;
          const { status } = await checkHealth(address, '', 10_000);
          if (status !== 'SERVING') problems.push({ what: `${name} is ${status}`, input: '' });
        }
        // Hundreds of letters may tell of one defect: the first few of a consumer will do.
        const told = new Map<string, number>();
        for (const { raw, subject } of await openLogReader(nats, 'ML_DLQ').refresh()) {
          const found = defectOf(subject, raw);
          told.set(subject, (told.get(subject) ?? 0) + found.length);
          if ((told.get(subject) ?? 0) <= 3) problems.push(...found);
        }
        try {
          await predict('fuzz');
          await serve('afterwards');
          await predict('afterwards');
        } catch (error) {
          problems.push({ what: `a good request afterwards: ${(error as Error).message}`, input: '' });
        }
        return problems;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

const defects = new Set(['RK_HANDLER_FAILED', 'RK_ATTEMPTS_EXHAUSTED', 'RK_INTERNAL', 'RK_STORE_QUERY']);

/** A dead letter is how a bad event ends; one that speaks of a defect is not. Letters that were fuzzed themselves are left out. */
function defectOf(subject: string, raw: Uint8Array): { what: string; input: string }[] {
  let letter;
  try {
    letter = events.deadLetter.message.decode(raw);
  } catch {
    return [];
  }
  if (!defects.has(letter.code) || letter.consumer === '' || !letter.service) return [];
  return [
    {
      what: `${subject}: ${letter.code} ${letter.message} (${letter.subject})\n${letter.stack.slice(0, 900)}`,
      input: JSON.stringify({
        target: 'event',
        subject: letter.subject,
        headers: Object.entries(letter.headers),
        input: letter.payload.toString('base64'),
      }),
    },
  ];
}

function memoryOf(system: EmbeddedSystem): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const [name, { pid }] of system.processes) {
    if (pid === undefined || process.platform !== 'linux') continue;
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    sizes.set(name, Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024);
  }
  return sizes;
}
