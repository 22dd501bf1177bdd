import * as grpc from '@grpc/grpc-js';
import { InferenceServiceClient } from '@rookery/proto/rookery/inference/v1/inference';
import type { PredictRequest } from '@rookery/proto/rookery/inference/v1/inference';

/** One answer as it came. */
export interface Answer {
  readonly connection: number;
  readonly version: number;
  /** What {@link OpenLoopOptions.mark} said when the call was sent, and when its answer came. */
  readonly sentAt: number;
  readonly answeredAt: number;
}

/** How to send. */
export interface OpenLoopOptions {
  readonly perSecond: number;
  readonly connections: number;
  /** Where the test stands, in numbers of its own: kept with each answer. */
  readonly mark?: () => { readonly sent: number; readonly answered: number };
}

/** A stream of calls at a fixed rate. */
export interface OpenLoop {
  /** Answers so far, in the order in which they came. */
  readonly answers: readonly Answer[];
  readonly failures: readonly grpc.ServiceError[];
  sent(): number;
  /** Calls that are due by now at the rate; `sent` falls behind where the caller's process gets no time. */
  due(): number;
  /** Sends no more, waits for the answers that are under way, closes the connections. */
  stop(): Promise<void>;
}

/**
 * Sends predictions at `perSecond`, whether those before were answered or not, in turn over `connections` connections of
 * their own. Failures are kept, not thrown.
 */
export function startOpenLoop(address: string, request: PredictRequest, options: OpenLoopOptions): OpenLoop {
  const mark = options.mark ?? (() => ({ sent: 0, answered: 0 }));
  const clients = Array.from(
    { length: options.connections },
    () =>
      new InferenceServiceClient(address, grpc.credentials.createInsecure(), {
        'grpc.use_local_subchannel_pool': 1,
      }),
  );
  const answers: Answer[] = [];
  const failures: grpc.ServiceError[] = [];
  const startedAt = performance.now();
  let sent = 0;
  let whenAnswered: () => void = () => undefined;
  const due = (): number => Math.floor(((performance.now() - startedAt) / 1000) * options.perSecond);

  const send = (): void => {
    const connection = sent % clients.length;
    const sentAt = mark().sent;
    sent += 1;
    clients[connection]?.predict(
      request,
      new grpc.Metadata(),
      { deadline: Date.now() + 20_000 },
      (error, response) => {
        if (error) failures.push(error);
        else answers.push({ connection, version: response.version, sentAt, answeredAt: mark().answered });
        if (answers.length + failures.length === sent) whenAnswered();
      },
    );
  };
  const timer = setInterval(() => {
    // After a pause of this process the calls that it missed are not all sent at once: that would be another load.
    const calls = Math.min(due() - sent, 50);
    for (let k = 0; k < calls; k++) send();
  }, 5);
  return {
    answers,
    failures,
    sent: () => sent,
    due,
    async stop() {
      clearInterval(timer);
      if (answers.length + failures.length < sent) {
        await new Promise<void>((resolve) => {
          whenAnswered = resolve;
        });
      }
      for (const client of clients) client.close();
    },
  };
}

/** Places where a connection saw an older version after a newer one. */
export function stepsBack(answers: readonly Answer[]): { connection: number; from: number; to: number }[] {
  const newest = new Map<number, number>();
  return answers.flatMap(({ connection, version }) => {
    const before = newest.get(connection) ?? 0;
    newest.set(connection, Math.max(before, version));
    return version < before ? [{ connection, from: before, to: version }] : [];
  });
}
