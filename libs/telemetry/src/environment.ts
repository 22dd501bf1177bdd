/** Transport of OTLP: gRPC (port 4317) or protobuf over HTTP (port 4318). */
export type OtlpProtocol = 'grpc' | 'http/protobuf';

/** Where one signal goes. */
export interface SignalPlan {
  url: string;
  protocol: OtlpProtocol;
}

/** What is exported, by the standard OTEL_* variables. A signal that is absent is not exported. */
export interface ExportPlan {
  traces?: SignalPlan;
  metrics?: SignalPlan;
  logs?: SignalPlan;
}

type Env = Readonly<Record<string, string | undefined>>;
type Signal = 'traces' | 'metrics' | 'logs';

/**
 * Reads which signals are exported, and where. Nothing is exported unless an endpoint is set:
 * OTEL_EXPORTER_OTLP_ENDPOINT (all signals) or OTEL_EXPORTER_OTLP_{TRACES,METRICS,LOGS}_ENDPOINT (one).
 * OTEL_SDK_DISABLED=true, or OTEL_{TRACES,METRICS,LOGS}_EXPORTER=none, switches off. The protocol is
 * OTEL_EXPORTER_OTLP_[SIGNAL_]PROTOCOL, default http/protobuf; `http/json` is served as http/protobuf.
 */
export function exportPlanOf(env: Env): ExportPlan {
  if (isDisabled(env)) return {};
  const plan: ExportPlan = {};
  for (const signal of ['traces', 'metrics', 'logs'] as const) {
    const target = signalPlanOf(signal, env);
    if (target !== undefined) plan[signal] = target;
  }
  return plan;
}

/** Whether OTEL_SDK_DISABLED is `true` (in any case, as the specification says). */
export function isDisabled(env: Env): boolean {
  return env['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true';
}

function signalPlanOf(signal: Signal, env: Env): SignalPlan | undefined {
  const name = signal.toUpperCase();
  if (env[`OTEL_${name}_EXPORTER`]?.trim().toLowerCase() === 'none') return undefined;
  const protocol = protocolOf(
    env[`OTEL_EXPORTER_OTLP_${name}_PROTOCOL`]?.trim() || env['OTEL_EXPORTER_OTLP_PROTOCOL']?.trim(),
  );
  const own = env[`OTEL_EXPORTER_OTLP_${name}_ENDPOINT`]?.trim();
  if (own) return { url: own, protocol };
  const shared = env['OTEL_EXPORTER_OTLP_ENDPOINT']?.trim();
  if (!shared) return undefined;
  return { url: protocol === 'grpc' ? shared : `${shared.replace(/\/+$/, '')}/v1/${signal}`, protocol };
}

function protocolOf(value: string | undefined): OtlpProtocol {
  return value === 'grpc' ? 'grpc' : 'http/protobuf';
}

/** A positive integer from the environment, or `fallback`. A malformed value is ignored, as the OTel specification asks. */
export function positiveInteger(value: string | undefined, fallback: number): number {
  const parsed = Number(value);
  return value !== undefined && Number.isInteger(parsed) && parsed > 0 ? parsed : fallback;
}
