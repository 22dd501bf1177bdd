import { isSpanContextValid, context, trace } from '@opentelemetry/api';
import { destination, pino, stdSerializers } from 'pino';
import type { DestinationStream } from 'pino';
import { mirrorLogLine } from './log-mirror.js';
import { prettyLine } from './pretty-line.js';
import { redactText, secretKeys } from './redaction.js';

/** Levels, least severe first. `silent` logs nothing. */
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** One of {@link logLevels}. */
export type LogLevel = (typeof logLevels)[number];

/** Fields first, message second; or a message alone. An `Error` goes in as `{ err: error }`. */
export interface LogMethod {
  (fields: object, message?: string): void;
  (message: string): void;
}

/** A structured logger: one JSON object a line. */
export interface Logger {
  trace: LogMethod;
  debug: LogMethod;
  info: LogMethod;
  warn: LogMethod;
  error: LogMethod;
  fatal: LogMethod;
  /** A logger that adds `fields` to each of its lines. */
  child(fields: object): Logger;
  isLevelEnabled(level: string): boolean;
  level: string;
}

/** Options of {@link createLogger}. */
export interface LoggerOptions {
  /** Written as `service` on each line. */
  name: string;
  /** Default `info`. */
  level?: LogLevel;
  /** Lines for people instead of JSON. Default false. */
  pretty?: boolean;
  /** Where lines go. Default: standard output, written synchronously. */
  stream?: { write(line: string): void };
}

/** Whether `value` is one of {@link logLevels}. */
export function isLogLevel(value: string): value is LogLevel {
  return (logLevels as readonly string[]).includes(value);
}

/**
 * A logger that writes one JSON line for each call: `time` (ISO 8601), `level` (word), `service`, `trace_id` and
 * `span_id` of the active span, the fields and `msg`. A line is written before the call returns, so a crash loses none.
 * Fields with the name of a secret and credentials in URLs are replaced by `***`. While `startTelemetry` exports logs,
 * each line is sent over OTLP too.
 */
export function createLogger(options: LoggerOptions): Logger {
  const out = options.stream ?? destination({ dest: 1, sync: true });
  const stream: DestinationStream = {
    write(line: string): void {
      const safe = redactText(line);
      mirrorLogLine(safe);
      out.write(options.pretty === true ? prettyLine(safe) : safe);
    },
  };
  return pino(
    {
      level: options.level ?? 'info',
      base: { service: options.name },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: stdSerializers.err, error: stdSerializers.err },
      redact: { paths: [...secretKeys, ...secretKeys.map((key) => `*.${key}`)], censor: '***' },
      mixin: traceFields,
    },
    stream,
  );
}

/** A new object each time: pino writes the fields of the line into it. */
function traceFields(): object {
  const spanContext = trace.getSpanContext(context.active());
  if (spanContext === undefined || !isSpanContextValid(spanContext)) return {};
  return { trace_id: spanContext.traceId, span_id: spanContext.spanId };
}
