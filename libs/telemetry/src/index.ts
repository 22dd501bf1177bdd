export { startTelemetry, type Telemetry, type TelemetryOptions } from './start.js';
export {
  createLogger,
  isLogLevel,
  logLevels,
  type Logger,
  type LoggerOptions,
  type LogLevel,
  type LogMethod,
} from './logger.js';
export { protectSecrets, redactText, redactUrl, secretKeys } from './redaction.js';
export { errorTypeOf, tracer, withSpan, type SpanOptions } from './span.js';
export {
  contextFromTraceparent,
  currentTraceId,
  currentTraceparent,
  linkFromTraceparent,
  spanContextFromTraceparent,
} from './trace-context.js';
export { attr, spanName, type AttributeName } from './semconv.js';
export { exportPlanOf, type ExportPlan, type OtlpProtocol, type SignalPlan } from './environment.js';
