import { addressesFromEnvironment } from '@rookery/client';
import type { Addresses } from '@rookery/client';
import { defineConfig } from '@rookery/service-kit';
import type { Config } from '@rookery/service-kit';

/** Variables that the console reads beside the core ones: its own, and where the other services listen. */
export const config = defineConfig(
  'ROOKERY_CONSOLE_PORT',
  'ROOKERY_CONSOLE_HOSTS',
  'ROOKERY_JAEGER_URL',
  'ROOKERY_PEER_HOST',
  'ROOKERY_INGEST_PORT',
  'ROOKERY_TRANSFORM_PORT',
  'ROOKERY_TRAINER_PORT',
  'ROOKERY_EVALUATOR_PORT',
  'ROOKERY_REGISTRY_PORT',
  'ROOKERY_INFERENCE_GRPC_PORT',
  'ROOKERY_MONITOR_PORT',
);

/** Values of {@link config}. */
export type ConsoleConfig = Config<(typeof config)[number]>;

/** Where the other services listen, of values that were checked already. */
export function addressesOf(values: ConsoleConfig): Addresses {
  return addressesFromEnvironment(
    Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, value === undefined ? undefined : String(value)]),
    ),
  );
}

/** Host names by which the console may be called, beside the loopback ones. */
export function allowedHostsOf(
  values: Pick<ConsoleConfig, 'ROOKERY_HOST' | 'ROOKERY_CONSOLE_HOSTS'>,
): readonly string[] {
  const configured = (values.ROOKERY_CONSOLE_HOSTS ?? '').split(',').filter((name) => name !== '');
  return [values.ROOKERY_HOST, ...configured];
}
