import type { NatsConnection, Subscription } from '@nats-io/transport-node';
import { decodePayload } from '@rookery/bus';
import type { RookeryClient } from '@rookery/client';
import { events } from '@rookery/contracts';

/** Moves a model's alias from version to version, in a circle, by way of the registry. */
export interface Rotation {
  readonly model: string;
  /** Newest revision that a replica said it serves. */
  serving(): number;
  /** Newest revision that was asked for. */
  asked(): number;
  versionOf(revision: number): number | undefined;
  /** Moves the alias on and resolves when the replica says that it serves the new revision; rejects after `deadlineMs`. */
  next(deadlineMs: number): Promise<void>;
  close(): void;
}

/** Takes a model with its versions over; the alias `champion` must be there. */
export async function openRotation(
  client: RookeryClient,
  nats: NatsConnection,
  model: string,
): Promise<Rotation> {
  const { model: found, versions } = await client.model(model);
  const champion = found.aliases.find(({ alias }) => alias === 'champion');
  if (!champion) throw new Error(`${model} has no champion`);
  const circle = versions.map(({ version }) => version).sort((a, b) => a - b);
  const history = new Map([[champion.revision, champion.version]]);
  let serving = champion.revision;
  let asked = champion.revision;
  let wake: () => void = () => undefined;
  const subscription: Subscription = nats.subscribe(events.inferenceSwapped.subject(model), {
    callback: (error, message) => {
      if (error) return;
      const { aliasRevision } = decodePayload(events.inferenceSwapped, message.data);
      serving = Math.max(serving, aliasRevision);
      wake();
    },
  });
  await nats.flush();
  return {
    model,
    serving: () => serving,
    asked: () => asked,
    versionOf: (revision) => history.get(revision),
    async next(deadlineMs) {
      const current = history.get(asked);
      const version = circle[(circle.indexOf(current ?? 0) + 1) % circle.length] ?? 0;
      const revision = asked + 1;
      // Known before it is asked for: the replica may serve it before the registry's answer is here.
      history.set(revision, version);
      asked = revision;
      const request = { model, alias: 'champion', version, expectedRevision: revision - 1 };
      await client.setAlias({ ...request, actor: 'soak', reason: 'rotation' });
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => {
          reject(new Error(`${model}: revision ${revision} does not serve within ${deadlineMs} ms`));
        }, deadlineMs);
        wake = () => {
          if (serving < revision) return;
          clearTimeout(timer);
          resolve();
        };
        wake();
      });
    },
    close: () => subscription.unsubscribe(),
  };
}
