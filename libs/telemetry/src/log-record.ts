import type { AnyValueMap, LogRecord } from '@opentelemetry/api-logs';

/** Numbers of the OpenTelemetry log data model. */
const severities: Readonly<Record<string, number>> = {
  trace: 1,
  debug: 5,
  info: 9,
  warn: 13,
  error: 17,
  fatal: 21,
};

const ownFields = new Set(['time', 'level', 'service', 'msg', 'trace_id', 'span_id']);

/** One JSON log line as an OTLP log record. Trace and span come from the active context. */
export function logRecordOf(line: string): LogRecord {
  const record = JSON.parse(line) as Record<string, unknown>;
  const level = String(record['level']);
  const attributes: AnyValueMap = {};
  for (const [key, value] of Object.entries(record)) {
    if (!ownFields.has(key)) attributes[key] = value as AnyValueMap[string];
  }
  return {
    timestamp: new Date(String(record['time'])),
    severityNumber: severities[level] ?? 9,
    severityText: level.toUpperCase(),
    body: typeof record['msg'] === 'string' ? record['msg'] : '',
    attributes,
  };
}
