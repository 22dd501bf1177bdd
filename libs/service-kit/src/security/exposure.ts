import type { CoreConfig } from '../config/load-config.js';
import { isLoopbackHost } from './loopback.js';

/** What a configuration would expose. */
export interface Exposure {
  /** Why the service must not start, one sentence each. */
  readonly refusals: readonly string[];
  /** What the operator has taken upon himself. */
  readonly warnings: readonly string[];
}

type ExposedConfig = Pick<
  CoreConfig,
  | 'ROOKERY_HOST'
  | 'ROOKERY_NATS_URL'
  | 'ROOKERY_ALLOW_INSECURE_NETWORK'
  | 'ROOKERY_TLS_CERT'
  | 'ROOKERY_TLS_KEY'
  | 'ROOKERY_TLS_CA'
  | 'ROOKERY_TLS_CLIENT_AUTH'
  | 'ROOKERY_TOKENS_FILE'
  | 'ROOKERY_NATS_USER'
  | 'ROOKERY_NATS_TOKEN'
  | 'ROOKERY_NATS_NKEY'
  | 'ROOKERY_NATS_CREDS'
  | 'ROOKERY_NATS_TLS_CERT'
>;

/**
 * Judges a configuration: on loopback nothing is asked for; on any other address a service must speak TLS and know its
 * callers, and a broker on another machine must be logged in to. ROOKERY_ALLOW_INSECURE_NETWORK turns these refusals into
 * warnings. Settings that contradict each other are refused everywhere.
 */
export function judgeExposure(config: ExposedConfig, listens: boolean): Exposure {
  const refusals = contradictions(config);
  const open: string[] = [];
  if (listens && !isLoopbackHost(config.ROOKERY_HOST)) {
    const where = `ROOKERY_HOST is ${config.ROOKERY_HOST}, which other machines reach`;
    if (config.ROOKERY_TLS_CERT === undefined)
      open.push(`${where}, without TLS: set ROOKERY_TLS_CERT and ROOKERY_TLS_KEY (rookery certs makes them)`);
    if (config.ROOKERY_TOKENS_FILE === undefined && config.ROOKERY_TLS_CLIENT_AUTH !== 'require')
      open.push(
        `${where}, and anybody may call: set ROOKERY_TOKENS_FILE (rookery tokens create), or ROOKERY_TLS_CLIENT_AUTH=require with ROOKERY_TLS_CA`,
      );
  }
  const broker = foreignBroker(config.ROOKERY_NATS_URL);
  if (broker !== undefined && !logsIn(config)) {
    open.push(
      `ROOKERY_NATS_URL names ${broker}, which other machines reach, without credentials: set ROOKERY_NATS_NKEY (rookery nats users), ROOKERY_NATS_CREDS, ROOKERY_NATS_USER or ROOKERY_NATS_TOKEN`,
    );
  }
  if (config.ROOKERY_ALLOW_INSECURE_NETWORK) return { refusals, warnings: open };
  const wayOut =
    '; or listen on 127.0.0.1, or, on a network that strangers cannot reach, set ROOKERY_ALLOW_INSECURE_NETWORK=true';
  return { refusals: [...refusals, ...open.map((problem) => problem + wayOut)], warnings: [] };
}

function contradictions(config: ExposedConfig): string[] {
  const problems: string[] = [];
  if ((config.ROOKERY_TLS_CERT === undefined) !== (config.ROOKERY_TLS_KEY === undefined)) {
    problems.push('ROOKERY_TLS_CERT and ROOKERY_TLS_KEY belong together: set both or none');
  }
  if (config.ROOKERY_TLS_CLIENT_AUTH === 'require') {
    if (config.ROOKERY_TLS_CERT === undefined)
      problems.push('ROOKERY_TLS_CLIENT_AUTH=require needs ROOKERY_TLS_CERT and ROOKERY_TLS_KEY');
    if (config.ROOKERY_TLS_CA === undefined || config.ROOKERY_TLS_CA === 'system')
      problems.push(
        'ROOKERY_TLS_CLIENT_AUTH=require needs ROOKERY_TLS_CA, the file of the authority that signs for clients: with those of the system, anybody with a public certificate would be let in',
      );
  }
  return problems;
}

/** Host of the first broker that is not on loopback. */
function foreignBroker(url: string): string | undefined {
  for (const part of url.split(',')) {
    const authority = part.trim().replace(/^[a-z+]+:\/\//i, '');
    const host = authority.slice(authority.lastIndexOf('@') + 1).replace(/\/.*$/, '');
    const name = host.startsWith('[') ? host.slice(0, host.indexOf(']') + 1) : host.replace(/:\d+$/, '');
    if (!isLoopbackHost(name)) return name;
  }
  return undefined;
}

function logsIn(config: ExposedConfig): boolean {
  return (
    [
      config.ROOKERY_NATS_USER,
      config.ROOKERY_NATS_TOKEN,
      config.ROOKERY_NATS_NKEY,
      config.ROOKERY_NATS_CREDS,
      config.ROOKERY_NATS_TLS_CERT,
    ].some((value) => value !== undefined) || /\/\/[^/@,]+@/.test(config.ROOKERY_NATS_URL)
  );
}
