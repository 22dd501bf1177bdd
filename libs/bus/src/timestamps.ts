/**
 * Nanoseconds since the epoch of an RFC 3339 time with up to nine digits of a second. `Date` keeps three, which
 * would give another derived event id than the acknowledgement subject does. 0 for anything else.
 */
export function nanosOfTimestamp(timestamp: string): bigint {
  const match = /^(.*?:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(timestamp);
  const seconds = Date.parse(`${match?.[1] ?? ''}${match?.[3] ?? ''}`);
  if (!match || Number.isNaN(seconds)) return 0n;
  return BigInt(seconds) * 1_000_000n + BigInt((match[2] ?? '').padEnd(9, '0'));
}
