import { datasetIdOf } from '@rookery/contracts';
import type { RookeryError } from '@rookery/contracts';
import type { EventMeta } from '@rookery/bus';

import type { NewRejection } from './ports.js';
import { shortUri } from './read-source.js';

const MAX_MESSAGE = 4_000;
const MAX_DETAIL = 2_000;

/** What a rejection says: bounded, so that its event always fits into a message. */
export function rejectionOf(
  cause: EventMeta,
  fields: { readonly name: string; readonly uri: string },
  error: RookeryError,
  nowMs: number,
): NewRejection {
  return {
    _id: datasetIdOf(cause.id),
    name: fields.name.slice(0, 200),
    uri: shortUri(fields.uri),
    requestEventId: cause.id,
    createdAtMs: nowMs,
    ...(cause.redriveCount === undefined ? {} : { redrives: cause.redriveCount }),
    code: error.code,
    message: error.message.slice(0, MAX_MESSAGE),
    hint: error.hint.slice(0, MAX_MESSAGE),
    details: Object.fromEntries(
      Object.entries(error.details).map(([key, value]) => [key, value.slice(0, MAX_DETAIL)]),
    ),
  };
}

/** Name and uri of a payload that was refused, where they can be read at all; empty else. */
export function readableFields(raw: Uint8Array): { name: string; uri: string } {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(raw).toString('utf8'));
  } catch {
    return { name: '', uri: '' };
  }
  const field = (name: string): string => {
    const value =
      typeof json === 'object' && json !== null ? (json as Record<string, unknown>)[name] : undefined;
    return typeof value === 'string' ? value : '';
  };
  return { name: field('name'), uri: field('uri') };
}
