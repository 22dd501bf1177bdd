import { connectBus } from '@rookery/bus';
import type { Bus } from '@rookery/bus';
import { startNatsServer } from '@rookery/bus/testing';
import type { NatsServer } from '@rookery/bus/testing';
import { events, runIdOf } from '@rookery/contracts';
import { DeadLetter } from '@rookery/proto/rookery/events/v1/monitoring';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';

import { dlqCommand } from '../src/commands/dlq.js';
import { printable } from '../src/printable.js';

let server: NatsServer;
let bus: Bus;
const stdout: string[] = [];
const stderr: string[] = [];

beforeAll(async () => {
  server = await startNatsServer();
  bus = await connectBus({ url: server.url, name: 'test' });
  await bus.ensureTopology();
  vi.stubEnv('ROOKERY_NATS_URL', server.url);
  // Nothing listens there: the registry is away in these tests.
  vi.stubEnv('ROOKERY_REGISTRY_PORT', '1');
  vi.stubEnv('ROOKERY_INGEST_PORT', '1');
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await bus?.close();
  await server?.stop();
});

beforeEach(() => {
  vi.spyOn(console, 'log').mockImplementation((text: string) => void stdout.push(text));
  vi.spyOn(console, 'error').mockImplementation((text: string) => void stderr.push(text));
});

afterEach(() => {
  vi.restoreAllMocks();
  stdout.length = 0;
  stderr.length = 0;
  process.exitCode = undefined;
});

/** Runs `rookery dlq …`; the text it wrote to stdout. */
async function dlq(...args: string[]): Promise<string> {
  stdout.length = 0;
  await dlqCommand().parseAsync(args, { from: 'user' });
  return stdout.join('\n');
}

let serial = 0;

async function store(consumer: string, fields: Partial<DeadLetter> = {}): Promise<number> {
  serial += 1;
  const letter = DeadLetter.fromPartial({
    subject: 'ml.label.received.k',
    stream: 'ML_EVENTS',
    sequence: 1,
    consumer,
    service: 'monitor',
    eventId: `event-${serial}`,
    correlationId: 'corr-1',
    traceId: '0af7651916cd43dd8448eb211c80319c',
    code: 'RK_LABEL_INVALID',
    message: 'no such class',
    hint: 'use a class',
    stack: 'Error: no such class\n    at handler (label.ts:1:1)',
    attempts: 5,
    details: { field: 'label' },
    headers: { 'ce-id': `event-${serial}` },
    payload: Buffer.from('{"label":"a"}'),
    timeMs: 1,
    ...fields,
  });
  return (await bus.publish(events.deadLetter, consumer, letter, { id: `letter-${serial}` })).sequence;
}

it('lists a consumer’s letters with where they came from and why, and says how to see the next', async () => {
  const ids = [await store('list'), await store('list'), await store('list')];
  await store('other');
  const text = await dlq('list', '--consumer', 'list', '--limit', '2');
  const rows = text.split('\n').filter((line) => line.includes('ml.label.received.k'));
  expect(rows.map((row) => Number(row.trim().split(/\s+/)[0]))).toEqual(ids.slice(0, 2));
  expect(rows[0]).toContain('RK_LABEL_INVALID');
  expect(text).toContain(`2 of 3. Next: rookery dlq list --consumer list --after ${ids[1]}`);
  const rest = JSON.parse(await dlq('list', '-c', 'list', '--after', String(ids[1]), '--json'));
  expect(rest).toMatchObject({
    letters: [{ id: ids[2], attempts: 5 }],
    next: null,
    counts: { list: 3, other: 1 },
  });
  expect(await dlq('list', '--consumer', 'nobody')).toBe('No dead letters.');
});

it('shows a letter with everything that is known of it', async () => {
  const text = await dlq('show', String(await store('show')));
  for (const part of [
    'monitor',
    'RK_LABEL_INVALID: no such class',
    'use a class',
    'at handler',
    'corr-1',
    '0af7651916cd43dd8448eb211c80319c',
  ]) {
    expect(text).toContain(part);
  }
  expect(text).toContain('"label": "a"');
  expect(text).toMatch(/attempts +5/);
});

it('shows bytes as bytes, and nothing in a letter can steer the terminal', async () => {
  const bytes = await store('bytes', {
    payload: Buffer.from([0, 1, 255, 65]),
    message: 'red \u001b[31m \u202e',
  });
  const text = await dlq('show', String(bytes));
  expect(text).toContain('0000  00 01 ff 41');
  expect(text).toContain('...A');
  expect(text).toContain('red \\u001b[31m \\u202e');
  expect(printable('a\tb\nc\u0007\u009b')).toBe('a\tb\nc\\u0007\\u009b');
});

it('writes the original bytes and nothing else with --payload', async () => {
  const written: Buffer[] = [];
  vi.spyOn(process.stdout, 'write').mockImplementation(((chunk: Uint8Array, done: () => void) => {
    written.push(Buffer.from(chunk));
    done();
    return true;
  }) as never);
  await dlq('show', String(await store('raw', { payload: Buffer.from([0, 1, 255, 10]) })), '--payload');
  expect([...Buffer.concat(written)]).toEqual([0, 1, 255, 10]);
  expect(stdout).toEqual([]);
});

it('redrives what it can, names what it can’t with a hint, and exits with 1', async () => {
  const good = await store('redrive');
  const forged = await store('redrive', { subject: '$JS.API.INFO' });
  const text = await dlq('redrive', String(good), '999999', String(forged));
  expect(text).toContain('ml.label.received.k event-');
  expect(text).toContain('1 redriven, 2 failed');
  expect(stderr.join('\n')).toContain('RK_DEAD_LETTER_NOT_FOUND: There is no dead letter 999999');
  expect(stderr.join('\n')).toContain('RK_DEAD_LETTER_UNUSABLE');
  expect(stderr.join('\n')).toContain('"audit":"dead_letter_redriven"');
  expect(process.exitCode).toBe(1);
  const left = JSON.parse(await dlq('list', '--consumer', 'redrive', '--json'));
  expect(left.letters.map(({ id }: { id: number }) => id)).toEqual([forged]);
});

it('redrives all of a consumer, and leaves those of the others', async () => {
  const ids = [await store('all'), await store('all')];
  await store('all-other');
  const result = JSON.parse(await dlq('redrive', '--all', '--consumer', 'all', '--json'));
  expect(result.redriven.map(({ id }: { id: number }) => id)).toEqual(ids);
  expect(result.failed).toEqual([]);
  expect(await bus.deadLetters.counts()).toMatchObject({ 'all-other': 1 });
  expect(process.exitCode).toBeUndefined();
});

it('says which run a redriven job belongs to, also where the registry is away', async () => {
  const runId = runIdOf('request-1');
  const text = await dlq('redrive', String(await store('job', { subject: `ml.job.fold.${runId}-f0` })));
  expect(text).toContain(`run ${runId}`);
  expect(text).toContain('could not be asked');
});

it('sends a request as a new one, and names its run', async () => {
  const id = await store('request', { subject: 'ml.dataset.ready', payload: Buffer.from('{"name":"a"}') });
  const { redriven } = JSON.parse(await dlq('redrive', String(id), '--as-new', '--json'));
  expect(redriven).toMatchObject([{ id, runId: runIdOf(redriven[0].eventId) }]);
  expect(redriven[0].eventId).toMatch(/^redrive-/);
});

it.each([
  [[]],
  [['--all']],
  [['1', '--all', '--consumer', 'x']],
  [['1', '--consumer', 'x']],
  [['one']],
  [['1.5']],
])('refuses redrive %j before it does anything', async (args) => {
  await expect(dlq('redrive', ...args)).rejects.toMatchObject({ code: 'RK_REQUEST_INVALID' });
});

it('drops a letter with a line in the log that says what, who and why', async () => {
  const id = await store('drop');
  expect(await dlq('drop', String(id), '--reason', 'stale')).toContain(`${id}  dropped: ml.label.received.k`);
  const audit = stderr.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(audit).toMatchObject([
    { audit: 'dead_letter_dropped', letter: id, reason: 'stale', service: 'cli', level: 'warn' },
  ]);
  expect(audit[0]).toHaveProperty('actor');
  await dlq('drop', String(id));
  expect(process.exitCode).toBe(1);
});
