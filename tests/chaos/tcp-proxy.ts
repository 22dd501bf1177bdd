import type { Socket } from 'node:net';

import { startCuttableServer } from '../system/support/cuttable-server.js';
import type { CuttableServer } from '../system/support/cuttable-server.js';
import { createFrameReader } from './nats-frames.js';
import type { Frame } from './nats-frames.js';

/** A proxy to a broker on the loopback interface that can be told to fail. */
export interface TcpProxy extends CuttableServer {
  /** Hands each chunk on this much later, in both directions, until `heal`. */
  delay(latencyMs: number): void;
  /** Swallows this share of the acknowledgements of deliveries and of publishes until `heal`. */
  loseAcks(share: number, random: () => number): void;
  /** Hands each delivery on up to this much later, each by its own delay, so that they overtake each other, until `heal`. */
  reorder(spreadMs: number, random: () => number): void;
  /** Acknowledgements swallowed, and deliveries held back. */
  readonly counts: () => { readonly acksLost: number; readonly reordered: number };
}

/** Starts a proxy to a port of the loopback interface. */
export async function startProxy(upstreamPort: number): Promise<TcpProxy> {
  let latencyMs = 0;
  let losing: (() => boolean) | undefined;
  let holding: (() => number) | undefined;
  let acksLost = 0;
  let reordered = 0;

  /** A verdict on a delivery, or the broker's word that it has stored what was published. */
  const isAck = ({ subject, operation, bytes }: Frame): boolean =>
    operation === 'PUB' || operation === 'HPUB'
      ? subject.startsWith('$JS.ACK.')
      : subject.startsWith('_INBOX.') && bytes.includes('{"stream":"');
  const relay = (from: Socket, to: Socket): void => {
    const framesOf = createFrameReader();
    // One chain a direction: frames keep their order when the latency changes.
    let chain = Promise.resolve();
    const send = (bytes: Buffer): void => {
      if (latencyMs === 0 && chain === settled) {
        if (!to.destroyed) to.write(bytes);
        return;
      }
      const due = performance.now() + latencyMs;
      const link = chain.then(async () => {
        const wait = due - performance.now();
        if (wait > 0) await new Promise((wake) => setTimeout(wake, wait));
        if (!to.destroyed) to.write(bytes);
        if (chain === link) chain = settled;
      });
      chain = link;
    };
    from.on('data', (chunk) => {
      for (const frame of framesOf(chunk)) {
        if (losing !== undefined && isAck(frame) && losing()) {
          acksLost += 1;
        } else if (holding !== undefined && frame.reply.startsWith('$JS.ACK.')) {
          reordered += 1;
          setTimeout(() => {
            send(frame.bytes);
          }, holding());
        } else {
          send(frame.bytes);
        }
      }
    });
    const settled = chain;
  };
  const server = await startCuttableServer(upstreamPort, (client, upstream) => {
    relay(client, upstream);
    relay(upstream, client);
  });
  return {
    ...server,
    delay(ms) {
      latencyMs = ms;
    },
    loseAcks(share, random) {
      losing = () => random() < share;
    },
    reorder(spreadMs, random) {
      holding = () => random() * spreadMs;
    },
    heal() {
      server.heal();
      latencyMs = 0;
      losing = undefined;
      holding = undefined;
    },
    counts: () => ({ acksLost, reordered }),
  };
}
