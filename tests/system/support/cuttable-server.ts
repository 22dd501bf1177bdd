import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';

/** A server between clients and another port of the loopback interface, whose connections can be cut. */
export interface CuttableServer {
  readonly port: number;
  /** Destroys all connections and refuses new ones until `heal`. */
  cut(): void;
  heal(): void;
  close(): Promise<void>;
}

/**
 * Listens on a free port and connects each client to the upstream port; `relay` hands on what they say. The end of one side
 * is the end of the other.
 */
export async function startCuttableServer(
  upstreamPort: number,
  relay: (client: Socket, upstream: Socket) => void,
): Promise<CuttableServer> {
  const sockets = new Set<Socket>();
  let refusing = false;
  const server = createServer((client) => {
    if (refusing) {
      client.destroy();
      return;
    }
    const upstream = connect({ host: '127.0.0.1', port: upstreamPort });
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      socket.setNoDelay(true);
      sockets.add(socket);
      // A broken connection closes next, which is all that counts here.
      socket.on('error', () => undefined);
      socket.once('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    relay(client, upstream);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const destroyAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    cut() {
      refusing = true;
      destroyAll();
    },
    heal() {
      refusing = false;
    },
    async close() {
      destroyAll();
      await new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
      });
    },
  };
}
