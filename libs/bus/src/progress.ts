import type { NatsConnection } from '@nats-io/transport-node';
import { progressMessage, progressSubject, requireKey } from '@rookery/contracts';
import type { FoldProgress } from '@rookery/proto/rookery/events/v1/run';
import type { Stop } from './types.js';

/** Publishes at most once, without waiting; while the broker is away it is dropped, because progress is worth nothing later. */
export function publishProgress(
  nc: NatsConnection,
  connected: () => boolean,
  runId: string,
  progress: FoldProgress,
): void {
  const subject = progressSubject(requireKey(runId, 'run id'));
  if (!connected() || nc.isClosed() || nc.isDraining()) return;
  nc.publish(subject, JSON.stringify(progressMessage.toJSON(progress)));
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
