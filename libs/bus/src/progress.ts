import type { NatsConnection } from '@nats-io/transport-node';
import { progressMessage, progressSubject, requireKey } from '@rookery/contracts';
import type { FoldProgress } from '@rookery/proto/rookery/events/v1/run';
import type { Stop } from './types.js';

/** Sends progress while there is somebody to send it to. */
export interface ProgressPublisher {
  /** Never waits, never fails. */
  publish(runId: string, progress: FoldProgress): void;
  /** Sends what is gathered now. */
  flush(): void;
}

/** Progress is gathered so long before it is sent: a fast training reports thousands of epochs a second. */
const gatherMs = 10;
/** Messages gathered at most; the oldest go first. */
const mostGathered = 1_000;

/**
 * Publishes at most once, in order, what was gathered in a moment in one write to the connection. While the broker is away
 * it is dropped, because progress is worth nothing later.
 */
export function createProgressPublisher(nc: NatsConnection, connected: () => boolean): ProgressPublisher {
  let gathered: { subject: string; progress: FoldProgress }[] = [];
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const messages = gathered;
    gathered = [];
    if (!connected() || nc.isClosed() || nc.isDraining()) return;
    for (const { subject, progress } of messages) {
      nc.publish(subject, JSON.stringify(progressMessage.toJSON(progress)));
    }
  };
  return {
    publish(runId, progress) {
      const subject = progressSubject(requireKey(runId, 'run id'));
      if (!connected()) return;
      if (gathered.length >= mostGathered) gathered.shift();
      gathered.push({ subject, progress });
      timer ??= setTimeout(flush, gatherMs).unref();
    },
    flush,
  };
}

/** Calls `onProgress` for each epoch reported from now on. Malformed messages are ignored. */
export function subscribeProgress(
  nc: NatsConnection,
  runId: string,
  onProgress: (progress: FoldProgress) => void,
): Stop {
  const subscription = nc.subscribe(progressSubject(runId === '*' ? '*' : requireKey(runId, 'run id')), {
    callback: (error, message) => {
      if (error) return;
      let progress: FoldProgress;
      try {
        progress = progressMessage.fromJSON(message.json());
      } catch {
        return;
      }
      onProgress(progress);
    },
  });
  return async () => {
    if (!subscription.isClosed() && !nc.isClosed()) subscription.unsubscribe();
  };
}
