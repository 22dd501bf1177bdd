import { TerminalError } from '@rookery/contracts';

import { addressKind, embeddedIpv4 } from './network-address.js';
import type { AddressKind, Networks } from './network-address.js';

/** Where http(s) sources may be fetched from. */
export interface FetchPolicy {
  /** Host names, `*.example.org` for all below; undefined: any. */
  readonly hosts: readonly string[] | undefined;
  /** Addresses that may be asked although they are not public. */
  readonly networks: Networks;
}

const hints = {
  host: 'Add the host to ROOKERY_FETCH_HOSTS, or upload the file through the ingest service.',
  address:
    'Add the address to ROOKERY_FETCH_NETWORKS where the server is meant to be read from, or upload the file through the ingest service.',
  redirect: 'Publish the address that it redirects to.',
} as const;

/** Throws RK_DATASET_URI_FORBIDDEN where the policy names hosts and `host` is none of them. */
export function checkHostName(host: string, policy: FetchPolicy): void {
  if (policy.hosts === undefined) return;
  const name = host.replace(/\.$/, '').toLowerCase();
  const allowed = policy.hosts.some((pattern) =>
    pattern.startsWith('*.') ? name.endsWith(pattern.slice(1).toLowerCase()) : name === pattern.toLowerCase(),
  );
  if (allowed) return;
  throw forbidden(`${host} is not among the hosts that may be fetched from`, { host }, hints.host);
}

/**
 * Throws RK_DATASET_URI_FORBIDDEN unless every address of the host may be asked: it is public, or in the policy's networks.
 * One that is not spoils all: which of them is taken is decided by whoever answers for the name. Behind a redirect
 * from a public address only public ones may be asked. Gives the least public kind among the addresses.
 */
export function checkAddresses(
  host: string,
  addresses: readonly string[],
  policy: FetchPolicy,
  redirectedFrom: AddressKind | undefined,
): AddressKind {
  let kind: AddressKind = 'public';
  for (const address of addresses) {
    const found = addressKind(address);
    if (found === 'public') continue;
    kind = found;
    const details = { host, address, kind: found };
    const plain = embeddedIpv4(address) ?? address;
    if (!policy.networks.has(plain) && !policy.networks.has(address)) {
      throw forbidden(`${host} leads to ${address}, which is a ${found} address`, details, hints.address);
    }
    if (redirectedFrom === 'public') {
      throw forbidden(
        `A public server redirects to ${host}, which is a ${found} address`,
        details,
        hints.redirect,
      );
    }
  }
  return kind;
}

function forbidden(message: string, details: Record<string, string>, hint: string): TerminalError {
  return new TerminalError('RK_DATASET_URI_FORBIDDEN', `${message}: no data set is read from there`, {
    details,
    hint,
  });
}
