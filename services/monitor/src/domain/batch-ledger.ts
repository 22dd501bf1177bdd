/**
 * Which batches of one life of a replica were taken in. Batches are numbered from 1 and sent in order, so that the whole
 * history is one number and the few that came ahead of it.
 */
export interface BatchLedger {
  /** Every batch up to this one was taken in, or given up as lost. */
  readonly through: number;
  /** Batches beyond that were taken in, ascending. */
  readonly beyond: readonly number[];
}

/** A gap stays open for so many batches that came after it; then what is missing counts as lost for good. */
const longestWait = 1_000;

/** The ledger before the first batch. */
export const emptyLedger: BatchLedger = { through: 0, beyond: [] };

/**
 * The ledger with this batch in it, or undefined where it was taken in before (or comes after its gap was given up): each
 * batch is taken once, in whatever order and however often they come.
 */
export function takeBatch(ledger: BatchLedger, batch: number): BatchLedger | undefined {
  if (batch <= ledger.through || ledger.beyond.includes(batch)) return undefined;
  const waiting = [...ledger.beyond, batch].sort((a, b) => a - b);
  let through = waiting.length > longestWait ? (waiting[0] ?? 0) : ledger.through;
  let closed = 0;
  while (closed < waiting.length && (waiting[closed] ?? 0) <= through + 1) {
    through = Math.max(through, waiting[closed] ?? 0);
    closed += 1;
  }
  return { through, beyond: waiting.slice(closed) };
}
