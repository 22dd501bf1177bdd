import { jetstreamManager } from '@nats-io/jetstream';
import { Objm } from '@nats-io/obj';
import { connect, TimeoutError } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ArtifactCorruptError, openArtifacts, sha256Of } from '../src/index.js';
import { artifactsContract, testBytes } from './contract/artifacts-contract.js';
import { startNatsServer, type TestServer } from './nats-server.js';

const STREAM = 'OBJ_rookery-artifacts';

artifactsContract('the NATS object store', async () => {
  const server = await startNatsServer();
  const nc = await connect({ servers: server.url });
  const manager = await jetstreamManager(nc);
  return {
    open: (cacheBytes) => openArtifacts({ url: 'nats:', nc, cacheBytes }),
    async damage(sha256, bytes) {
      // Rewrites the chunks under the same object entry, as bad memory or a wrong restore would.
      const objects = await new Objm(nc).open('rookery-artifacts');
      const info = await objects.info(sha256);
      const subject = `$O.rookery-artifacts.C.${info?.nuid}`;
      await manager.streams.purge(STREAM, { filter: subject });
      const size = Math.ceil(bytes.length / (info?.chunks ?? 1));
      for (let at = 0; at < bytes.length; at += size) {
        await manager.jetstream().publish(subject, bytes.subarray(at, at + size));
      }
    },
    async stored() {
      const { state } = await manager.streams.info(STREAM, { subjects_filter: '$O.rookery-artifacts.C.>' });
      return Object.keys(state.subjects ?? {}).length;
    },
    async dispose() {
      await nc.close();
      await server.stop();
    },
  };
});

describe('the NATS object store', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startNatsServer();
  });
  afterAll(async () => server.stop());

  it('opens one bucket for services that start together, each on its own connection', async () => {
    const bytes = testBytes(200_000, 20);
    const connections = await Promise.all(Array.from({ length: 6 }, () => connect({ servers: server.url })));
    const stores = await Promise.all(
      connections.map((nc) => openArtifacts({ url: 'nats:?bucket=together&replicas=1', nc })),
    );
    await Promise.all(stores.map((store) => store.put(bytes, 'a/b')));
    for (const store of stores) expect(await store.has(sha256Of(bytes))).toBe(true);
    await Promise.all(connections.map((nc) => nc.close()));
  });

  it('reports chunks that are gone instead of waiting for them', async () => {
    const nc = await connect({ servers: server.url });
    const store = await openArtifacts({ url: 'nats:?bucket=gone', nc, cacheBytes: 0 });
    const manager = await jetstreamManager(nc);
    for (const size of [1000, 2_000_000]) {
      const ref = await store.put(testBytes(size, size), 'a/b');
      const info = await (await new Objm(nc).open('gone')).info(ref.sha256);
      await manager.streams.purge('OBJ_gone', { filter: `$O.gone.C.${info?.nuid}` });
      await expect(store.get(ref.sha256)).rejects.toThrow(ArtifactCorruptError);
    }
    await nc.close();
  });

  it.each([1000, 2_000_000])(
    'keeps %i bytes whole, and found by others, where acknowledgements are lost on their way',
    async (size) => {
      const bucket = `lossy-${size}`;
      const other = await connect({ servers: server.url });
      const reader = await openArtifacts({ url: `nats:?bucket=${bucket}`, nc: other, cacheBytes: 0 });
      const nc = await connect({ servers: server.url });
      const store = await openArtifacts({ url: `nats:?bucket=${bucket}`, nc, cacheBytes: 0 });
      const bytes = testBytes(size, 22);
      // Every first publish of a message is stored, and its publisher never hears of it.
      const request = nc.request.bind(nc);
      const published = new Set<string>();
      let lost = 0;
      nc.request = async (subject, payload, options) => {
        const answer = await request(subject, payload, options);
        const id = options?.headers?.get('Nats-Msg-Id') ?? subject;
        if (!subject.startsWith('$O.') || published.has(id)) return answer;
        published.add(id);
        lost += 1;
        throw new TimeoutError();
      };
      const ref = await store.put(bytes, 'a/b').catch(() => store.put(bytes, 'a/b'));
      expect(lost).toBeGreaterThan(1);
      expect(await reader.has(ref.sha256)).toBe(true);
      expect(Buffer.compare(await reader.get(ref.sha256), bytes)).toBe(0);
      await Promise.all([nc.close(), other.close()]);
    },
  );

  it('writes again what has lost its content', async () => {
    const nc = await connect({ servers: server.url });
    const store = await openArtifacts({ url: 'nats:?bucket=hollow', nc, cacheBytes: 0 });
    const manager = await jetstreamManager(nc);
    const bytes = testBytes(1000, 23);
    const ref = await store.put(bytes, 'a/b');
    await manager.streams.purge('OBJ_hollow', { filter: '$O.hollow.C.>' });
    expect(await store.has(ref.sha256)).toBe(false);
    await store.put(bytes, 'a/b');
    expect(Buffer.compare(await store.get(ref.sha256), bytes)).toBe(0);
    await nc.close();
  });

  it('stores again what an operator has removed', async () => {
    const nc = await connect({ servers: server.url });
    const store = await openArtifacts({ url: 'nats:?bucket=removed', nc, cacheBytes: 0 });
    const bytes = testBytes(1000, 21);
    const ref = await store.put(bytes, 'a/b');
    await (await new Objm(nc).open('removed')).delete(ref.sha256);
    expect(await store.has(ref.sha256)).toBe(false);
    await store.put(bytes, 'a/b');
    expect(Buffer.compare(await store.get(ref.sha256), bytes)).toBe(0);
    await nc.close();
  });

  it('is unavailable, which may be retried, while the connection is closed', async () => {
    const nc = await connect({ servers: server.url });
    const store = await openArtifacts({ url: 'nats:', nc });
    await nc.close();
    await expect(store.get('0'.repeat(64))).rejects.toMatchObject({ code: 'RK_ARTIFACT_UNAVAILABLE' });
    await expect(store.put(testBytes(10, 1), 'a/b')).rejects.toMatchObject({
      code: 'RK_ARTIFACT_UNAVAILABLE',
    });
  });

  it('needs a connection', async () => {
    await expect(openArtifacts({ url: 'nats:' })).rejects.toMatchObject({ code: 'RK_ARTIFACT_INVALID' });
  });
});
