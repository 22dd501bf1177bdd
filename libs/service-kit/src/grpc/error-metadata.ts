import * as grpc from '@grpc/grpc-js';
import { fittingText } from './fitting-text.js';

/** Of the message and of the hint, each percent-encoded. */
export const MOST_TEXT_BYTES = 2000;
/** Of the details as JSON, which takes a third more as base64. */
const MOST_DETAIL_BYTES = 2200;

/**
 * Trailing metadata of a failed call. Code and hint are printable ASCII (other characters percent-encoded, as in
 * `grpc-message`), details are a JSON object of strings in UTF-8. Long values are cut, by the size that they are sent in: all
 * trailers of a call, the message among them, must fit into 8 KiB at most clients, and ones that are far too large take
 * the whole connection down with them.
 */
export function errorMetadata(code: string, hint: unknown, details: unknown): grpc.Metadata {
  const metadata = new grpc.Metadata();
  metadata.set('rookery-error-code', code);
  if (typeof hint === 'string' && hint !== '')
    metadata.set('rookery-error-hint', encodeText(fittingText(hint, MOST_TEXT_BYTES)));
  const entries = typeof details === 'object' && details !== null ? Object.entries(details) : [];
  if (entries.length > 0) {
    const kept: Record<string, string> = {};
    let size = 0;
    for (const [key, value] of entries) {
      const text = fittingText(String(value), 1000);
      size += Buffer.byteLength(JSON.stringify([key, text]));
      if (size > MOST_DETAIL_BYTES) break;
      kept[key] = text;
    }
    metadata.set('rookery-error-details-bin', Buffer.from(JSON.stringify(kept)));
  }
  return metadata;
}

/** What {@link errorMetadata} wrote, or `undefined` if `metadata` has no Rookery code. Tolerates damaged values. */
export function readErrorMetadata(
  metadata: grpc.Metadata | undefined,
): { code: string; hint?: string; details?: Record<string, string> } | undefined {
  const code = metadata?.get('rookery-error-code')[0];
  if (metadata === undefined || typeof code !== 'string') return undefined;
  const hint = metadata.get('rookery-error-hint')[0];
  const details = parseDetails(metadata.get('rookery-error-details-bin')[0]);
  return {
    code,
    ...(typeof hint === 'string' ? { hint: decodeText(hint) } : {}),
    ...(details === undefined ? {} : { details }),
  };
}

function encodeText(text: string): string {
  return text.replace(/[^ -~]+|%/gu, (run) =>
    [...Buffer.from(run)].map((byte) => `%${byte.toString(16).padStart(2, '0').toUpperCase()}`).join(''),
  );
}

function decodeText(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function parseDetails(value: string | Buffer | undefined): Record<string, string> | undefined {
  if (!Buffer.isBuffer(value)) return undefined;
  try {
    const parsed: unknown = JSON.parse(value.toString('utf8'));
    if (typeof parsed !== 'object' || parsed === null) return undefined;
    return Object.fromEntries(Object.entries(parsed).map(([key, item]) => [key, String(item)]));
  } catch {
    return undefined;
  }
}
