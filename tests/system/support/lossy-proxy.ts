import { startCuttableServer } from './cuttable-server.js';
import type { CuttableServer } from './cuttable-server.js';

/** A proxy between a client and a server that loses what one of them says. */
export interface LossyProxy extends CuttableServer {
  /**
   * The next `count` answers are lost: the server got the request and acted on it, and the connection ends before the client
   * hears of it.
   */
  loseAnswers(count: number): void;
  /** Answers lost so far. */
  lost(): number;
}

/** How a command that writes begins in BSON: a string field of its name. */
const writes = ['update', 'insert', 'findAndModify', 'delete'].map((name) => `\u0002${name}\u0000`);

/** Starts a proxy on the loopback interface to another port of it. Only answers to writes are lost. */
export async function startLossyProxy(upstreamPort: number): Promise<LossyProxy> {
  let toLose = 0;
  let lost = 0;
  const server = await startCuttableServer(upstreamPort, (client, upstream) => {
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
  });
  return {
    ...server,
    loseAnswers(count) {
      toLose = count;
    },
    lost: () => lost,
    heal() {
      server.heal();
      toLose = 0;
    },
  };
}
