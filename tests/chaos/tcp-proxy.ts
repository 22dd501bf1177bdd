import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';

/** A proxy on the loopback interface that can be told to fail. */
export interface TcpProxy {
  readonly port: number;
  /** Destroys all connections and refuses new ones until `heal`. */
  cut(): void;
  /** Hands each chunk on this much later, in both directions, until `heal`. */
  delay(latencyMs: number): void;
  heal(): void;
  close(): Promise<void>;
}

/** Starts a proxy to a port of the loopback interface. */
export async function startProxy(upstreamPort: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let refusing = false;
  let latencyMs = 0;

  const relay = (from: Socket, to: Socket): void => {
    // One chain a direction: chunks keep their order when the latency changes.
    let chain = Promise.resolve();
    from.on('data', (chunk) => {
      if (latencyMs === 0 && chain === settled) {
        to.write(chunk);
        return;
      }
      const due = Date.now() + latencyMs;
      const link = chain.then(async () => {
        const wait = due - Date.now();
        if (wait > 0) await new Promise((wake) => setTimeout(wake, wait));
        if (!to.destroyed) to.write(chunk);
        if (chain === link) chain = settled;
      });
      chain = link;
    });
    from.on('close', () => to.destroy());
    // A broken connection closes next, which is all that counts here.
    from.on('error', () => undefined);
    const settled = chain;
  };
  const server = createServer((client) => {
    if (refusing) {
      client.destroy();
      return;
    }
    const upstream = connect({ host: '127.0.0.1', port: upstreamPort });
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    }
    relay(client, upstream);
    relay(upstream, client);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    cut() {
      refusing = true;
      for (const socket of sockets) socket.destroy();
    },
    delay(ms) {
      latencyMs = ms;
    },
    heal() {
      refusing = false;
      latencyMs = 0;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
      });
    },
  };
}
