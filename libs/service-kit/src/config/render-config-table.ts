import { coreVariables } from './load-config.js';
import { variables, type VariableSpec } from './variables.js';

/** The text of docs/contracts/config.md: every variable, its default, what is allowed and what it does. */
export function renderConfigTable(): string {
  const core = new Set<string>(coreVariables);
  const all = Object.entries(variables) as [string, VariableSpec][];
  return [
    '# Configuration',
    '',
    'Every service reads its configuration from the environment alone. A `ROOKERY_*` name that is not in this table, or a',
    'value that is not allowed, is refused at start with exit code 78; all faults are listed at once. An empty value counts',
    'as not set. This file is written from `libs/service-kit/src/config/variables.ts`; a test holds the two equal.',
    '',
    '## Every service',
    '',
    ...tableOf(all.filter(([name]) => core.has(name))),
    '',
    '## Some services',
    '',
    ...tableOf(all.filter(([name]) => !core.has(name))),
    '',
    '## Telemetry',
    '',
    'The standard OpenTelemetry variables are honoured; nothing is exported unless an endpoint is set.',
    '',
    '| variable | default | what it does |',
    '| --- | --- | --- |',
    '| `OTEL_EXPORTER_OTLP_ENDPOINT` | — | Collector that traces, metrics and logs go to, e.g. `http://127.0.0.1:4318`. |',
    '| `OTEL_EXPORTER_OTLP_{TRACES,METRICS,LOGS}_ENDPOINT` | — | The same for one signal; the full path for HTTP. |',
    '| `OTEL_EXPORTER_OTLP_PROTOCOL` | `http/protobuf` | `http/protobuf` or `grpc`; also `OTEL_EXPORTER_OTLP_{SIGNAL}_PROTOCOL`. |',
    '| `OTEL_EXPORTER_OTLP_HEADERS`, `_TIMEOUT`, `_COMPRESSION` | — | As in the OpenTelemetry specification. |',
    '| `OTEL_{TRACES,METRICS,LOGS}_EXPORTER` | `otlp` | `none` switches one signal off. |',
    '| `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG` | `parentbased_always_on` | e.g. `parentbased_traceidratio` and `0.01`. |',
    '| `OTEL_BSP_SCHEDULE_DELAY` | `500` | Longest time a span waits to be sent, in milliseconds. |',
    '| `OTEL_METRIC_EXPORT_INTERVAL` | `10000` | Time between two exports of metrics, in milliseconds. |',
    '| `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_SERVICE_NAME` | — | Added to the resource of every span, metric and log line. |',
    '| `OTEL_SDK_DISABLED` | `false` | `true`: no span is made; trace context is still passed on. |',
    '',
  ].join('\n');
}

function tableOf(rows: readonly [string, VariableSpec][]): string[] {
  return [
    '| variable | default | allowed | what it does |',
    '| --- | --- | --- | --- |',
    ...rows.map(
      ([name, spec]) => `| \`${name}\` | ${defaultOf(spec)} | ${spec.allowed} | ${spec.description} |`,
    ),
  ];
}

function defaultOf(spec: VariableSpec): string {
  if (spec.defaultNote !== undefined) return spec.defaultNote;
  return spec.default === undefined ? '—' : `\`${spec.default}\``;
}
