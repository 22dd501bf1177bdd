import { RookeryClient, addressesFromEnvironment } from '@rookery/client';

/** A client of a system that was started on ports of its own; `natsUrl` where its broker is another one. */
export function clientOf(
  system: { readonly addresses: Readonly<Record<string, string>>; readonly natsUrl: string },
  name: string,
  natsUrl = system.natsUrl,
): RookeryClient {
  const addresses = { ...addressesFromEnvironment({}), ...system.addresses, nats: natsUrl };
  return new RookeryClient({ addresses, name });
}
