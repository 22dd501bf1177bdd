const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';

/** Length of the part of a prediction id that names the call. */
export const callIdLength = 20;
const prefixLength = 12;

/** Ids of prediction calls: 20 characters, no two alike in one process. */
export type CallIds = () => string;

/**
 * Call ids from 60 random bits of this process's life (`random`: at least 8 bytes) and a counter of 40 bits, in
 * Crockford's base 32: unique across replicas and restarts, and a string concatenation each.
 */
export function createCallIds(random: Uint8Array): CallIds {
  if (random.length < 8) throw new Error('Call ids need at least 8 random bytes.');
  let bits = 0n;
  for (let i = 0; i < 8; i += 1) bits = (bits << 8n) | BigInt(random[i]!);
  const prefix = toBase32(bits & ((1n << 60n) - 1n), prefixLength);
  const pairs = Array.from({ length: 1024 }, (_, i) => alphabet[i >> 5]! + alphabet[i & 31]!);
  let low = 0;
  let high = 0n;
  let head = prefix + toBase32(high, 6);
  return () => {
    if (low === 1024) {
      low = 0;
      high += 1n;
      head = prefix + toBase32(high, 6);
    }
    const id = head + pairs[low]!;
    low += 1;
    return id;
  };
}

/** Id of the prediction of one row of a call: `<call>-<row>`, a valid key of a subject. */
export function predictionId(callId: string, row: number): string {
  return `${callId}-${row}`;
}

function toBase32(value: bigint, length: number): string {
  let out = '';
  for (let rest = value, i = 0; i < length; i += 1, rest >>= 5n) out = alphabet[Number(rest & 31n)]! + out;
  return out;
}
