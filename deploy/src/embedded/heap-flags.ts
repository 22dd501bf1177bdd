/** Services that hold whole tables: their heap may become larger. Columns lie outside of it, texts and rows do not. */
const holdTables = new Set(['ingest', 'transform', 'trainer', 'evaluator']);

/**
 * How V8 keeps the heap of a service. Left alone it lets garbage grow to several times what lives before it looks: a young
 * generation of 48 MiB, a first full collection after hundreds of MiB, then one at four times what is left. A service lives
 * in some 25 MiB. The limit is what makes collections come at about twice what lives (V8 takes it from the limit below
 * 2 GiB), and is no aim: nothing near it is used. `NODE_OPTIONS` wins where it names the same flag.
 */
export function heapFlags(service: string, env: Readonly<Record<string, string | undefined>>): string[] {
  const flags = {
    // The answers of predictions are young garbage by the thousand: a larger nursery is worth its memory there.
    '--max-semi-space-size': service === 'inference' ? 4 : 1,
    '--initial-old-space-size': 32,
    '--max-old-space-size': holdTables.has(service) ? 2000 : 1536,
  };
  const given = (env['NODE_OPTIONS'] ?? '').replaceAll('_', '-');
  return Object.entries(flags)
    .filter(([name]) => !given.includes(name))
    .map(([name, mebibytes]) => `${name}=${mebibytes}`);
}
