import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';

/** A proxy between a client and a server that loses what one of them says. */
export interface LossyProxy {
  readonly port: number;
  /** Destroys all connections and refuses new ones until `heal`. */
  cut(): void;
  /**
   * The next `count` answers are lost: the server got the request and acted on it, and the connection ends before the client
   * hears of it.
   */
  loseAnswers(count: number): void;
  /** Answers lost so far. */
  lost(): number;
  heal(): void;
  close(): Promise<void>;
}

/** How a command that writes begins in BSON: a string field of its name. */
const writes = ['update', 'insert', 'findAndModify', 'delete'].map((name) => `\u0002${name}\u0000`);

/** Starts a proxy on the loopback interface to another port of it. Only answers to writes are lost. */
export async function startLossyProxy(upstreamPort: number): Promise<LossyProxy> {
  const sockets = new Set<Socket>();
  let refusing = false;
  let toLose = 0;
  let lost = 0;
  const server = createServer((client) => {
    if (refusing) {
      client.destroy();
      return;
    }
    const upstream = connect({ host: '127.0.0.1', port: upstreamPort });
    let writing = false;
    client.on('data', (chunk) => {
      writing = writes.some((command) => chunk.includes(command));
      upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      if (writing && toLose > 0) {
        toLose -= 1;
        lost += 1;
        client.destroy();
        return;
      }
      client.write(chunk);
    });
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
    loseAnswers(count) {
      toLose = count;
    },
    lost: () => lost,
    heal() {
      refusing = false;
      toLose = 0;
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
