import { hostname } from 'node:os';
import { resourceFromAttributes } from '@opentelemetry/resources';
import type { Resource } from '@opentelemetry/resources';
import { attr } from './semconv.js';

/**
 * The resource of this process: service name (OTEL_SERVICE_NAME wins), version, instance id and process id, and what
 * OTEL_RESOURCE_ATTRIBUTES adds (`key=value,key=value`, values percent-decoded).
 */
export function resourceOf(
  serviceName: string,
  serviceVersion: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Resource {
  return resourceFromAttributes({
    [attr.serviceName]: serviceName,
    ...(serviceVersion === undefined ? {} : { [attr.serviceVersion]: serviceVersion }),
    [attr.serviceInstanceId]: `${hostname()}-${process.pid}`,
    'process.pid': process.pid,
    'process.runtime.name': 'nodejs',
    'process.runtime.version': process.versions.node,
    ...resourceAttributes(env['OTEL_RESOURCE_ATTRIBUTES']),
    ...(env['OTEL_SERVICE_NAME'] ? { [attr.serviceName]: env['OTEL_SERVICE_NAME'] } : {}),
  });
}

function resourceAttributes(text: string | undefined): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const pair of (text ?? '').split(',')) {
    const at = pair.indexOf('=');
    if (at <= 0) continue;
    attributes[decode(pair.slice(0, at).trim())] = decode(
      pair
        .slice(at + 1)
        .trim()
        .replace(/^"(.*)"$/, '$1'),
    );
  }
  return attributes;
}

function decode(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
