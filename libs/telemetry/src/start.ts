import { context, diag, metrics, propagation, trace } from '@opentelemetry/api';
import { IdleAwareContextManager } from './idle-aware-context-manager.js';
import { W3CTraceContextPropagator, setGlobalErrorHandler } from '@opentelemetry/core';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import type { SpanProcessor } from '@opentelemetry/sdk-trace-base';
import { DeferredSpanProcessor } from './deferred-span-processor.js';
import { exportPlanOf, isDisabled, positiveInteger } from './environment.js';
import type { ExportPlan } from './environment.js';
import { ExportFailureLog } from './export-failure-log.js';
import { setLogSink } from './log-mirror.js';
import type { Logger } from './logger.js';
import { resourceOf } from './resource.js';

/** Options of {@link startTelemetry}. */
export interface TelemetryOptions {
  serviceName: string;
  serviceVersion?: string;
  /** Default `process.env`. (The SDK reads sampler, limits and OTLP headers from `process.env` in any case.) */
  env?: Readonly<Record<string, string | undefined>>;
  /** Told once when exporting starts to fail, and once when it works again. */
  logger?: Pick<Logger, 'warn' | 'info'>;
  /** More processors that see every sampled span (tests: an in-memory exporter). */
  spanProcessors?: readonly SpanProcessor[];
}

/** Running telemetry of this process. */
export interface Telemetry {
  /** What is exported, and where. */
  readonly plan: ExportPlan;
  /** True if spans go anywhere: only then is it worth making a span for a call that is not part of a trace. */
  readonly exportsTraces: boolean;
  readonly exportsMetrics: boolean;
  /** Resolves when the exporters are loaded; never rejects. Instruments made before are no-ops. At once without exporters. */
  readonly ready: Promise<void>;
  /** Sends what is buffered; resolves after `timeoutMs` (default 2000) at the latest, never rejects. */
  flush(timeoutMs?: number): Promise<void>;
  /** Flushes and ends the exporters, and takes the globals back; bounded as `flush`. Safe to call twice. */
  shutdown(timeoutMs?: number): Promise<void>;
}

/**
 * Starts tracing, metrics and logs of this process. Spans always have real ids and follow asynchronous calls, so that
 * trace ids stand in logs and pass through events with no collector at all; without an endpoint there is no span
 * processor, and no exporter is even loaded. Exporters come with OTEL_EXPORTER_OTLP_[TRACES_|METRICS_|LOGS_]ENDPOINT.
 * A collector that does not answer is logged once and neither slows nor ends the service. OTEL_SDK_DISABLED=true makes
 * no spans, and still passes the trace context on.
 */
export function startTelemetry(options: TelemetryOptions): Telemetry {
  const env = options.env ?? process.env;
  const plan = exportPlanOf(env);
  const failures = new ExportFailureLog(options.logger);
  context.setGlobalContextManager(new IdleAwareContextManager());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  setGlobalErrorHandler((error) => failures.failed(error));
  diag.setLogger(failures, { suppressOverrideMessage: true });

  const enabled = !isDisabled(env);
  const resource = resourceOf(options.serviceName, options.serviceVersion, env);
  const deferred = plan.traces === undefined ? undefined : new DeferredSpanProcessor();
  const processors = [...(deferred === undefined ? [] : [deferred]), ...(options.spanProcessors ?? [])];
  const provider = enabled ? new BasicTracerProvider({ resource, spanProcessors: processors }) : undefined;
  if (provider !== undefined) trace.setGlobalTracerProvider(provider);

  const closers: Closer[] = provider === undefined ? [] : [provider];
  const ready = attachExporters().catch((error: unknown) => failures.failed(error));

  async function attachExporters(): Promise<void> {
    if (plan.traces === undefined && plan.metrics === undefined && plan.logs === undefined) return;
    const exporters = await import('./exporters.js');
    const [spans, meter, logs] = await Promise.all([
      plan.traces &&
        exporters.spanProcessor(plan.traces, positiveInteger(env['OTEL_BSP_SCHEDULE_DELAY'], 500), failures),
      plan.metrics &&
        exporters.meterProvider(
          plan.metrics,
          resource,
          positiveInteger(env['OTEL_METRIC_EXPORT_INTERVAL'], 10_000),
          failures,
        ),
      plan.logs &&
        exporters.logPipeline(
          plan.logs,
          resource,
          positiveInteger(env['OTEL_BLRP_SCHEDULE_DELAY'], 500),
          failures,
        ),
    ]);
    if (spans !== undefined) deferred?.attach(spans);
    if (meter !== undefined) {
      metrics.setGlobalMeterProvider(meter);
      closers.push(meter);
    }
    if (logs !== undefined) {
      setLogSink(logs.sink);
      closers.push(logs);
    }
  }

  let closing: Promise<void> | undefined;
  return {
    plan,
    exportsTraces: enabled && processors.length > 0,
    exportsMetrics: plan.metrics !== undefined,
    ready,
    flush: (timeoutMs = 2000) => bounded(closers, (closer) => closer.forceFlush(), timeoutMs),
    shutdown: (timeoutMs = 2000) => {
      closing ??= bounded(closers, (closer) => closer.shutdown(), timeoutMs).finally(() => {
        setLogSink(undefined);
        trace.disable();
        metrics.disable();
        context.disable();
        propagation.disable();
        diag.disable();
      });
      return closing;
    },
  };
}

interface Closer {
  forceFlush(): Promise<void>;
  shutdown(): Promise<void>;
}

async function bounded(
  closers: readonly Closer[],
  act: (closer: Closer) => Promise<void>,
  timeoutMs: number,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  await Promise.race([Promise.allSettled(closers.map(act)), timeout]);
  clearTimeout(timer);
}
