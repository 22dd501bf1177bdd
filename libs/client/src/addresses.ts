/** Where the services listen: host:port each. */
export interface Addresses {
  readonly nats: string;
  readonly ingest: string;
  readonly registry: string;
  readonly inference: string;
  readonly monitor: string;
  readonly transform: string;
  readonly trainer: string;
  readonly evaluator: string;
  readonly console: string;
}

const ports: Readonly<Record<Exclude<keyof Addresses, 'nats'>, readonly [variable: string, port: number]>> = {
  ingest: ['ROOKERY_INGEST_PORT', 7074],
  registry: ['ROOKERY_REGISTRY_PORT', 7073],
  inference: ['ROOKERY_INFERENCE_GRPC_PORT', 7071],
  monitor: ['ROOKERY_MONITOR_PORT', 7075],
  transform: ['ROOKERY_TRANSFORM_PORT', 7076],
  trainer: ['ROOKERY_TRAINER_PORT', 7077],
  evaluator: ['ROOKERY_EVALUATOR_PORT', 7078],
  console: ['ROOKERY_CONSOLE_PORT', 7070],
};

/**
 * Addresses from the environment that the services read too: ROOKERY_NATS_URL, ROOKERY_HOST and the port variables, with
 * the same defaults. Where services are hosts of their own, ROOKERY_PEER_HOST names them: `{service}` in it stands for the
 * service's name.
 */
export function addressesFromEnvironment(env: Readonly<Record<string, string | undefined>>): Addresses {
  const host = env['ROOKERY_HOST'] || '127.0.0.1';
  const reachable = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  const hostOf = (name: string): string =>
    env['ROOKERY_PEER_HOST']?.replaceAll('{service}', name) || reachable;
  const services = Object.fromEntries(
    Object.entries(ports).map(([name, [variable, port]]) => [
      name,
      `${hostOf(name)}:${env[variable] || port}`,
    ]),
  ) as Record<Exclude<keyof Addresses, 'nats'>, string>;
  const nats = env['ROOKERY_NATS_URL'] || `nats://127.0.0.1:${env['ROOKERY_NATS_PORT'] || 7422}`;
  return { nats, ...services };
}
