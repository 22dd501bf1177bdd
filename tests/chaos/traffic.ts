import * as grpc from '@grpc/grpc-js';
import { rowToProto } from '@rookery/client';
import type { PlainRow } from '@rookery/client';
import { InferenceServiceClient } from '@rookery/proto/rookery/inference/v1/inference';
import type { PredictResponse } from '@rookery/proto/rookery/inference/v1/inference';

import type { Answer, CallCounts } from './history.js';

/** Predictions that are asked for all the time. */
export interface Traffic {
  /** In the order in which they came. */
  readonly answers: readonly Answer[];
  /** Calls that failed, by gRPC status and message. */
  readonly failures: ReadonlyMap<string, number>;
  calls(): CallCounts;
  /** Goes on asking after a pause. */
  resume(): void;
  /** Resolves when no call is under way. */
  pause(): Promise<void>;
  close(): void;
}

const connectionsOfReplica = 2;
const everyMs = 30;
const deadlineMs = 5_000;

/** Asks for one row at a time on each of two connections to each replica, so that the answers of each have an order. */
export function createTraffic(
  replicas: readonly { readonly name: string; readonly address: string }[],
  model: string,
  rows: readonly PlainRow[],
): Traffic {
  const answers: Answer[] = [];
  const failures = new Map<string, number>();
  const calls = { asked: 0, answered: 0, failed: 0, otherwise: 0 };
  const requests = rows.map((row) => ({ model, rows: [rowToProto(row)] }));
  const clients = replicas.flatMap(({ name, address }) =>
    Array.from({ length: connectionsOfReplica }, () => ({
      replica: name,
      client: new InferenceServiceClient(address, grpc.credentials.createInsecure(), {
        'grpc.use_local_subchannel_pool': 1,
        'grpc.initial_reconnect_backoff_ms': 50,
        'grpc.max_reconnect_backoff_ms': 500,
      }),
    })),
  );
  let running = false;
  let loops: Promise<void>[] = [];

  const ask = (client: InferenceServiceClient, k: number): Promise<PredictResponse> =>
    new Promise((resolve, reject) => {
      const request = requests[k % requests.length] ?? { model, rows: [] };
      const deadline = Date.now() + deadlineMs;
      client.predict(request, new grpc.Metadata(), { deadline }, (error, response) => {
        if (error) reject(error);
        else resolve(response);
      });
    });
  const loop = async ({ client, replica }: (typeof clients)[number], connection: number): Promise<void> => {
    for (let k = connection; running; k += clients.length) {
      calls.asked += 1;
      try {
        const { version, predictions } = await ask(client, k);
        if (predictions.length === 1) calls.answered += 1;
        else calls.otherwise += 1;
        for (const { predictionId, label } of predictions) {
          answers.push({ replica, connection, model, version, predictionId, label, timeMs: Date.now() });
        }
      } catch (error) {
        calls.failed += 1;
        const what = (error as Error).message.slice(0, 120);
        failures.set(what, (failures.get(what) ?? 0) + 1);
      }
      await new Promise((wake) => setTimeout(wake, everyMs));
    }
  };
  return {
    answers,
    failures,
    calls: () => ({ ...calls }),
    resume() {
      running = true;
      loops = clients.map((client, connection) => loop(client, connection));
    },
    async pause() {
      running = false;
      await Promise.all(loops);
    },
    close() {
      for (const { client } of clients) client.close();
    },
  };
}
