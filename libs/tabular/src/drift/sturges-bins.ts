import type { Bins } from './bins.js';
import type { WeightedSample } from './reference-column.js';

/** Numeric references with more distinct values than this are binned for psi, kl_div and jensenshannon. */
const MAX_UNBINNED = 20;

/** Whether the reference has so many distinct values that both sides are put into bins. */
export function needsBins(reference: WeightedSample): boolean {
  return reference.values.length > MAX_UNBINNED;
}

/**
 * Counts of both samples in equal-width bins over their pooled range: Sturges's rule, in the operation order of
 * NumPy's histogram_bin_edges(…, 'sturges') so that the number of bins agrees to the last bit. Bins are [a, b), the
 * last one [a, b].
 */
export function sturgesBins(reference: WeightedSample, current: WeightedSample): Bins {
  const first = Math.min(reference.values[0]!, current.values[0]!);
  const last = Math.max(reference.values.at(-1)!, current.values.at(-1)!);
  const width = (last - first) / (Math.log2(reference.n + current.n) + 1);
  const bins = Math.max(1, Math.ceil((last - first) / width));
  const step = (last - first) / bins;
  const edges = Float64Array.from({ length: bins + 1 }, (_, i) => (i === bins ? last : i * step + first));
  return { reference: countIn(reference, edges), current: countIn(current, edges) };
}

function countIn({ values, counts }: WeightedSample, edges: Float64Array): Float64Array {
  const out = new Float64Array(edges.length - 1);
  let bin = 0;
  for (let i = 0; i < values.length; i++) {
    while (bin < out.length - 1 && values[i]! >= edges[bin + 1]!) bin++;
    out[bin]! += counts[i]!;
  }
  return out;
}
