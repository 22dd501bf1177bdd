import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Publication } from './published.js';
import type { CallInput } from './rpc.js';

/** Inputs that are tried in every run: what was found once, and what is known to hurt. */
export interface Corpus {
  readonly bytes: ReadonlyMap<string, readonly string[]>;
  readonly calls: readonly { readonly path: string; readonly input: CallInput }[];
  readonly requests: readonly Uint8Array[];
  readonly publications: readonly Publication[];
}

interface Entry {
  readonly target: string;
  readonly about?: string;
  /** Base64, or `text:` and the text itself. */
  readonly input?: string;
  readonly inputs?: readonly string[];
  readonly subject?: string;
  readonly headers?: readonly (readonly [string, string])[];
}

/**
 * Reads every file of corpus/: lists of entries. `target` is the name of a reader, `rpc <path>`, `http` or `event`; a failure that
 * a run prints can be put there as it is.
 */
export function readCorpus(folder: string): Corpus {
  const entries = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .flatMap((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Entry[]);
  const bytes = new Map<string, string[]>();
  const calls: Corpus['calls'][number][] = [];
  const requests: Uint8Array[] = [];
  const publications: Publication[] = [];
  for (const entry of entries) {
    const inputs = (entry.inputs ?? [entry.input ?? '']).map(decode);
    const [first = new Uint8Array()] = inputs;
    if (entry.target.startsWith('rpc ')) calls.push({ path: entry.target.slice(4), input: inputs });
    else if (entry.target === 'http') requests.push(first);
    else if (entry.target === 'event')
      publications.push({ subject: entry.subject ?? '', headers: entry.headers ?? [], payload: first });
    else {
      const list = bytes.get(entry.target) ?? [];
      bytes.set(entry.target, [...list, Buffer.from(first).toString('base64')]);
    }
  }
  return { bytes, calls, requests, publications };
}

function decode(text: string): Uint8Array {
  return new Uint8Array(text.startsWith('text:') ? Buffer.from(text.slice(5)) : Buffer.from(text, 'base64'));
}
