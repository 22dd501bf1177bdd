import { join } from 'node:path';

import fc from 'fast-check';

import { inFolder, orInterrupted } from '../suite/suite-run.js';
import type { SuiteRun } from '../suite/suite-run.js';
import { feedBytes, growth } from './byte-targets.js';
import { readCorpus } from './corpus.js';
import type { Corpus } from './corpus.js';
import { requestsOf, sendRequest } from './http.js';
import { loadContracts, methodsOf } from './messages.js';
import { publicationsOf, publish } from './published.js';
import { RawClient, callsOf } from './rpc.js';
import { startFuzzSystem } from './system.js';
import type { FuzzSystem } from './system.js';
import type { Failure } from './verdict.js';

/** What to do. */
export interface FuzzOptions extends SuiteRun {
  readonly inputs: number;
  readonly seed: number;
  /** Parts to run: readers, rpc, http, events. */
  readonly parts: readonly string[];
  /** Only targets with this in their name. */
  readonly only: string;
  /** Folder of the bundled modules: byte-worker.mjs and targets/. */
  readonly bundles: string;
}

/** What came of it. */
export interface FuzzReport {
  readonly inputs: number;
  readonly failures: readonly Failure[];
}

/** Shares of the inputs, in hundredths. */
const shares = {
  readers: {
    'csv reader': ['ingest', 12],
    'json lines reader': ['ingest', 12],
    'parquet reader': ['ingest', 14],
    'arrow reader': ['ingest', 12],
    'model package': ['inference', 4],
    'json payloads': ['library', 8],
    'protobuf payloads': ['library', 6],
    'arrow artifacts': ['library', 6],
    'trained models': ['library', 2],
  },
  rpc: 14,
  http: 5,
  events: 5,
} as const;

/** Runs all parts; the readers in threads of this process, the others against the real system beside them. */
export async function runFuzz(options: FuzzOptions): Promise<FuzzReport> {
  const corpus = readCorpus(join(options.root, 'tests/fuzz/corpus'));
  const failures: Failure[] = [];
  const note = (failure: Failure): void => {
    failures.push(failure);
    options.log(`FAILURE ${failure.target}: ${failure.what}`);
    options.log(`  ${JSON.stringify({ target: failure.target, input: failure.input }).slice(0, 6000)}`);
  };
  const counts = await Promise.all([
    orInterrupted(feedReaders(options, corpus, note), options.signal),
    feedSystem(options, corpus, note),
  ]);
  return { inputs: counts[0] + counts[1], failures };
}

type Note = (failure: Failure) => void;

async function feedReaders(options: FuzzOptions, corpus: Corpus, note: Note): Promise<number> {
  if (!options.parts.includes('readers')) return 0;
  let fed = 0;
  for (const [target, [module, share]] of Object.entries(shares.readers)) {
    if (!target.includes(options.only)) continue;
    const started = Date.now();
    const result = await feedBytes(
      {
        target,
        inputs: Math.ceil((options.inputs * share) / 100),
        seed: options.seed,
        corpus: corpus.bytes.get(target) ?? [],
      },
      join(options.bundles, `targets/${module}.mjs`),
      join(options.bundles, 'byte-worker.mjs'),
    );
    fed += result.inputs;
    for (const failure of result.failures) note(failure);
    const outcomes = Object.entries(result.outcomes).sort((a, b) => b[1] - a[1]);
    options.log(
      `${target}: ${result.inputs} inputs in ${((Date.now() - started) / 1000).toFixed(1)} s; ${outcomes.map(([code, count]) => `${count} ${code}`).join(', ')}`,
    );
  }
  return fed;
}

async function feedSystem(options: FuzzOptions, corpus: Corpus, note: Note): Promise<number> {
  const { parts, inputs, log } = options;
  if (!['rpc', 'http', 'events'].some((part) => parts.includes(part))) return 0;
  return inFolder(options, {
    name: 'fuzz',
    start: (directory) => startFuzzSystem(options.root, directory),
    work: async (system) => {
      let fed = 0;
      const memory = watchMemory(system);
      const part = async (
        name: string,
        share: number,
        feed: (count: number) => Promise<number>,
      ): Promise<void> => {
        if (!parts.includes(name)) return;
        const started = Date.now();
        const count = await feed(Math.ceil((inputs * share) / 100));
        fed += count;
        log(`${name}: ${count} inputs in ${((Date.now() - started) / 1000).toFixed(1)} s`);
      };
      const each = { ...options, note, corpus, tick: memory.sample };
      await part('rpc', shares.rpc, (count) => feedCalls(system, count, each));
      await part('http', shares.http, (count) => feedRequests(system, count, each));
      await part('events', shares.events, (count) => feedEvents(system, count, each));
      const started = Date.now();
      for (const { what, input } of await system.verdict()) note({ target: 'system', what, input });
      memory.sample();
      for (const [name, grown] of memory.grown()) note({ target: name, what: grown, input: '' });
      log(
        `the system is looked at after ${((Date.now() - started) / 1000).toFixed(1)} s more; ${memory.told()}`,
      );
      return fed;
    },
    // What failed is told with its input.
    keepAfter: () => false,
  });
}

interface Feeding extends FuzzOptions {
  readonly note: Note;
  readonly corpus: Corpus;
  readonly tick: () => void;
}

const mostShrinks = 400;

/** Draws `count` inputs, ends a property at its first failure, notes what it shrank to, and goes on with another seed. */
async function draw<T>(
  inputs: fc.Arbitrary<T>,
  count: number,
  feeding: Feeding,
  target: string,
  judge: (input: T) => Promise<unknown>,
  show: (input: T) => string,
): Promise<number> {
  let done = 0;
  let found = 0;
  for (let { seed } = feeding; done < count && found < 5; seed = (seed + 104_729) | 0) {
    let failed = false;
    let shrunk = 0;
    const result = await fc.check(
      fc.asyncProperty(inputs, async (input) => {
        // A smaller input is looked for by trying, and some calls take their time: a smaller one will do.
        if (failed && ++shrunk > mostShrinks) return;
        if (!failed) done++;
        if (done % 200 === 0) feeding.tick();
        try {
          await judge(input);
        } catch (error) {
          failed = true;
          throw error;
        }
      }),
      { seed, numRuns: Math.max(1, count - done) },
    );
    if (!result.failed) break;
    found++;
    const input = result.counterexample?.[0];
    const { errorInstance } = result;
    const what = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
    feeding.note({ target, what, input: input === undefined ? '' : show(input) });
  }
  return done;
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

async function feedCalls(system: FuzzSystem, count: number, feeding: Feeding): Promise<number> {
  const methods = methodsOf(loadContracts());
  let fed = 0;
  const clients = new Map<string, RawClient>();
  const clientOf = (path: string): RawClient => {
    const name = /^\/rookery\.(\w+)\./.exec(path)?.[1] ?? 'registry';
    const address = system.system.addresses[name];
    if (address === undefined) throw new Error(`There is no address of ${path}`);
    const client = clients.get(name) ?? new RawClient(address);
    clients.set(name, client);
    return client;
  };
  const kindOf = (path: string): (typeof methods)[number]['methodKind'] =>
    methods.find((method) => pathOf(method) === path)?.methodKind ?? 'unary';
  for (const { path, input } of feeding.corpus.calls) {
    fed++;
    await clientOf(path)
      .call(path, kindOf(path), input)
      .catch((error: unknown) =>
        feeding.note({
          target: `rpc ${path}`,
          what: (error as Error).message,
          input: JSON.stringify(input.map(base64)),
        }),
      );
  }
  const lanes = methods.filter((method) => pathOf(method).includes(feeding.only));
  const share = Math.max(1, Math.ceil((count - fed) / Math.max(1, lanes.length)));
  // Four methods at once: their inputs meet each other too.
  const lane = async (): Promise<void> => {
    for (let method = lanes.pop(); method !== undefined; method = lanes.pop()) {
      const path = pathOf(method);
      const { methodKind } = method;
      const drawn = await draw(
        callsOf(method, system.known),
        share,
        feeding,
        `rpc ${path}`,
        (input) => clientOf(path).call(path, methodKind, input),
        (input) => JSON.stringify(input.map(base64)),
      );
      fed += drawn;
    }
  };
  await Promise.all([lane(), lane(), lane(), lane()]);
  for (const client of clients.values()) client.close();
  return fed;
}

function pathOf(method: { readonly parent: { readonly typeName: string }; readonly name: string }): string {
  return `/${method.parent.typeName}/${method.name}`;
}

async function feedRequests(system: FuzzSystem, count: number, feeding: Feeding): Promise<number> {
  const address = system.system.addresses['console'] ?? '';
  for (const request of feeding.corpus.requests) {
    await sendRequest(address, request).catch((error: unknown) =>
      feeding.note({ target: 'http', what: (error as Error).message, input: base64(request) }),
    );
  }
  const drawn = await draw(
    requestsOf(system.known, address),
    count,
    feeding,
    'http',
    (input) => sendRequest(address, input),
    base64,
  );
  return drawn + feeding.corpus.requests.length;
}

async function feedEvents(system: FuzzSystem, count: number, feeding: Feeding): Promise<number> {
  let number = 0;
  const send = (one: Parameters<typeof publish>[1]): Promise<void> =>
    publish(system.nats, one, `fuzz-${feeding.seed}-${number++}`);
  for (const one of feeding.corpus.publications) await send(one);
  return (
    feeding.corpus.publications.length +
    (await draw(publicationsOf(loadContracts(), system.known), count, feeding, 'event', send, (one) =>
      JSON.stringify({ ...one, payload: base64(one.payload) }),
    ))
  );
}

/** Memory of the services while they are fed: none may grow with the inputs. */
function watchMemory(system: FuzzSystem): {
  readonly sample: () => void;
  readonly grown: () => [name: string, what: string][];
  readonly told: () => string;
} {
  const samples = new Map<string, number[]>();
  return {
    sample() {
      for (const [name, size] of system.memory()) samples.set(name, [...(samples.get(name) ?? []), size]);
    },
    grown: () =>
      [...samples].flatMap(([name, sizes]): [string, string][] => {
        const what = growth(sizes, 96 * 1024 * 1024);
        return what === undefined ? [] : [[name, what]];
      }),
    told: () =>
      [...samples]
        .map(
          ([name, sizes]) => `${name} ${Math.round(sizes[0]! / 1e6)}→${Math.round(sizes.at(-1)! / 1e6)} MB`,
        )
        .join(', '),
  };
}
