import { serviceEntries } from './embedded/services.js';
import type { EmbeddedSystem } from './embedded/embedded-system.js';

/** Where everything listens, one line each. */
export function listeningTable(system: Pick<EmbeddedSystem, 'addresses' | 'natsUrl' | 'dataDir'>): string {
  const rows = serviceEntries
    .filter((entry) => system.addresses[entry.name] !== undefined)
    .map((entry) => {
      const address = system.addresses[entry.name] ?? '';
      const shown = entry.protocol === 'http' ? `http://${address}` : `${address} (gRPC)`;
      return `  ${entry.name.padEnd(11)}${shown.padEnd(30)}${entry.role}`;
    });
  return [
    ...rows,
    `  ${'nats'.padEnd(11)}${system.natsUrl.padEnd(30)}the event bus`,
    `  logs       ${system.dataDir}/logs/`,
  ].join('\n');
}
