import { rowFromProto } from '@rookery/client';
import type { PlainRow } from '@rookery/client';
import type { CaptureStatistics } from '@rookery/proto/rookery/inference/v1/inference';

import { errorAnswer } from '../domain/error-view.js';
import type { ErrorView } from '../domain/error-view.js';
import type { ConsolePorts } from './ports.js';

/** The whole system at a glance. */
export interface SystemView {
  readonly services: readonly {
    readonly name: string;
    readonly address: string;
    readonly status: string;
    readonly detail: string;
  }[];
  readonly busConnected: boolean;
  /** What a replica of inference serves; null with `servedError` where it can't be asked. */
  readonly served: {
    readonly replica: string;
    readonly capture: CaptureStatistics | null;
    readonly models: readonly {
      readonly model: string;
      readonly version: number;
      readonly engine: string;
      readonly backend: string;
      readonly loadedAtMs: number;
      readonly predictions: number;
      readonly tensors: number;
      readonly inputExample: PlainRow;
    }[];
  } | null;
  readonly servedError: ErrorView | null;
}

/** Asks every service at once; what is down is shown as down, and never fails the whole. */
export async function systemView(ports: ConsolePorts): Promise<SystemView> {
  const [services, served] = await Promise.all([
    Promise.all(
      ports.services.map(async ({ name, address }) => {
        const report = await ports.health(address);
        return { name, address, status: report.status, detail: report.detail ?? '' };
      }),
    ),
    ports.data.served().then(
      (value) => ({ value }),
      (error: unknown) => ({ error: errorAnswer(error).body }),
    ),
  ]);
  return {
    services,
    busConnected: ports.busConnected(),
    served:
      'value' in served
        ? {
            replica: served.value.replica,
            capture: served.value.capture ?? null,
            models: served.value.models.map((model) => ({
              model: model.model,
              version: model.version,
              engine: model.engine,
              backend: model.backend,
              loadedAtMs: model.loadedAtMs,
              predictions: model.predictions,
              tensors: model.tensors,
              inputExample: rowFromProto(model.inputExample),
            })),
          }
        : null,
    servedError: 'error' in served ? served.error : null,
  };
}
