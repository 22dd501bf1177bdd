import { ExportResultCode } from '@opentelemetry/core';
import type { ExportResult } from '@opentelemetry/core';
import type { Resource } from '@opentelemetry/resources';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { SpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { MeterProvider } from '@opentelemetry/sdk-metrics';
import { positiveInteger } from './environment.js';
import type { SignalPlan } from './environment.js';
import type { ExportFailureLog } from './export-failure-log.js';
import type { LogSink } from './log-mirror.js';

/* Only loaded where something is exported; each transport only where it is used. */

/** How long one export may take with its retries, ms. */
const exportTimeoutMs = positiveInteger(process.env['OTEL_EXPORTER_OTLP_TIMEOUT'], 5000);

/** A batch processor for spans with an OTLP exporter behind it. */
export async function spanProcessor(
  plan: SignalPlan,
  delayMs: number,
  log: ExportFailureLog,
): Promise<SpanProcessor> {
  const { OTLPTraceExporter } =
    plan.protocol === 'grpc'
      ? await import('@opentelemetry/exporter-trace-otlp-grpc')
      : await import('@opentelemetry/exporter-trace-otlp-proto');
  const exporter = watched(new OTLPTraceExporter({ url: plan.url, timeoutMillis: exportTimeoutMs }), log);
  return new BatchSpanProcessor(exporter, {
    scheduledDelayMillis: delayMs,
    exportTimeoutMillis: exportTimeoutMs + 1000,
  });
}

/** A meter provider that exports periodically. */
export async function meterProvider(
  plan: SignalPlan,
  resource: Resource,
  intervalMs: number,
  log: ExportFailureLog,
): Promise<MeterProvider> {
  const [{ MeterProvider: Provider, PeriodicExportingMetricReader }, { OTLPMetricExporter }] =
    await Promise.all([
      import('@opentelemetry/sdk-metrics'),
      plan.protocol === 'grpc'
        ? import('@opentelemetry/exporter-metrics-otlp-grpc')
        : import('@opentelemetry/exporter-metrics-otlp-proto'),
    ]);
  const exporter = watched(new OTLPMetricExporter({ url: plan.url, timeoutMillis: exportTimeoutMs }), log);
  const reader = new PeriodicExportingMetricReader({
    exporter,
    exportIntervalMillis: intervalMs,
    exportTimeoutMillis: Math.min(intervalMs, exportTimeoutMs + 1000),
  });
  return new Provider({ resource, readers: [reader] });
}

/** Exports log lines; `sink` takes each. */
export interface LogPipeline {
  sink: LogSink;
  forceFlush(): Promise<void>;
  shutdown(): Promise<void>;
}

/** A batch processor for log records with an OTLP exporter behind it. */
export async function logPipeline(
  plan: SignalPlan,
  resource: Resource,
  delayMs: number,
  log: ExportFailureLog,
): Promise<LogPipeline> {
  const [{ BatchLogRecordProcessor, LoggerProvider }, { OTLPLogExporter }, { logRecordOf }] =
    await Promise.all([
      import('@opentelemetry/sdk-logs'),
      plan.protocol === 'grpc'
        ? import('@opentelemetry/exporter-logs-otlp-grpc')
        : import('@opentelemetry/exporter-logs-otlp-proto'),
      import('./log-record.js'),
    ]);
  const exporter = watched(new OTLPLogExporter({ url: plan.url, timeoutMillis: exportTimeoutMs }), log);
  const provider = new LoggerProvider({
    resource,
    processors: [
      new BatchLogRecordProcessor({
        exporter,
        scheduledDelayMillis: delayMs,
        exportTimeoutMillis: exportTimeoutMs + 1000,
      }),
    ],
  });
  const logger = provider.getLogger('rookery');
  return {
    sink: (line) => {
      logger.emit(logRecordOf(line));
    },
    forceFlush: () => provider.forceFlush(),
    shutdown: () => provider.shutdown(),
  };
}

interface Exports {
  export(items: never, done: (result: ExportResult) => void): void;
}

/** `exporter`, with the outcome of each export told to `log`. */
function watched<T extends Exports>(exporter: T, log: ExportFailureLog): T {
  const original = exporter.export.bind(exporter);
  exporter.export = (items: never, done: (result: ExportResult) => void): void => {
    original(items, (result) => {
      if (result.code === ExportResultCode.SUCCESS) log.succeeded();
      else log.failed(result.error ?? 'export failed');
      done(result);
    });
  };
  return exporter;
}
