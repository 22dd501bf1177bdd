import { redriveCount, viewPayload } from '@rookery/client';
import type { DeadLetterPage, StoredDeadLetter } from '@rookery/client';

import { printable } from './printable.js';
import { renderTable, shortTime } from './table.js';

/** A letter as one JSON document; `payload` is base64 of the original bytes, `view` what they say. */
export function letterToJson(stored: StoredDeadLetter): Record<string, unknown> {
  const { letter, payload } = stored;
  return {
    id: stored.id,
    letterId: stored.letterId,
    storedAt: stored.storedAt.toISOString(),
    consumer: stored.consumer,
    service: letter.service,
    subject: letter.subject,
    stream: letter.stream,
    sequence: letter.sequence,
    eventId: letter.eventId,
    correlationId: letter.correlationId,
    traceId: letter.traceId,
    code: letter.code,
    message: letter.message,
    hint: letter.hint,
    details: letter.details,
    attempts: letter.attempts,
    redrivenBefore: redriveCount(letter.headers),
    headers: letter.headers,
    stack: letter.stack,
    payload: payload === undefined ? null : Buffer.from(payload).toString('base64'),
    view: payload === undefined ? null : viewPayload(letter.subject, letter.headers, payload),
  };
}

/** Letters as a table, with how many there are and how to see the next. */
export function renderLetters(page: DeadLetterPage, total: number, consumer: string | undefined): string {
  if (page.letters.length === 0) return 'No dead letters.';
  const rows = page.letters.map(({ id, storedAt, consumer: by, letter }) => [
    id,
    shortTime(storedAt.getTime()),
    by,
    printable(letter.subject),
    letter.attempts,
    letter.code,
    printable(firstLine(letter.message)),
  ]);
  const lines = [renderTable(['ID', 'TIME', 'CONSUMER', 'SUBJECT', 'ATTEMPTS', 'CODE', 'MESSAGE'], rows)];
  if (page.next !== undefined) {
    const only = consumer === undefined ? '' : ` --consumer ${consumer}`;
    lines.push('', `${page.letters.length} of ${total}. Next: rookery dlq list${only} --after ${page.next}`);
  }
  return lines.join('\n');
}

/** A letter in full, for a person. */
export function renderLetter(stored: StoredDeadLetter, note: string | undefined): string {
  const { letter, payload } = stored;
  const redriven = redriveCount(letter.headers);
  const lines = [
    `letter       ${stored.id}  (${stored.letterId})`,
    `time         ${shortTime(stored.storedAt.getTime())}`,
    `consumer     ${stored.consumer} of ${letter.service || 'an unknown service'}`,
    `subject      ${letter.subject}`,
    `original     ${letter.stream} ${letter.sequence}`,
    `event        ${letter.eventId}`,
    `correlation  ${letter.correlationId}`,
    `trace        ${letter.traceId || '–'}`,
    `attempts     ${letter.attempts}${redriven > 0 ? `, after ${redriven} ${redriven === 1 ? 'redrive' : 'redrives'}` : ''}`,
    `error        ${letter.code}: ${letter.message}`,
    `hint         ${letter.hint || '–'}`,
    ...Object.entries(letter.details).map(([name, value]) => `  ${name}: ${value}`),
    ...(note === undefined ? [] : ['', `note         ${note}`]),
    '',
    'headers',
    ...Object.entries(letter.headers).map(([name, value]) => `  ${name}: ${value}`),
    '',
    ...payloadLines(stored, payload),
    '',
    'stack',
    ...letter.stack.split('\n').map((line) => `  ${line}`),
  ];
  return printable(lines.join('\n'));
}

function payloadLines({ letter }: StoredDeadLetter, payload: Uint8Array | undefined): string[] {
  if (payload === undefined)
    return [`payload      left out: ${letter.details['payload_omitted'] ?? ''} (no longer there)`];
  const view = viewPayload(letter.subject, letter.headers, payload);
  const size = `${payload.length} ${payload.length === 1 ? 'byte' : 'bytes'}`;
  switch (view.kind) {
    case 'json':
      return [`payload      ${size}, JSON`, indent(JSON.stringify(view.value, null, 2))];
    case 'protobuf':
      return [`payload      ${size}, ${view.message}`, indent(JSON.stringify(view.value, null, 2))];
    case 'text':
      return [`payload      ${size}, text`, indent(view.text)];
    case 'bytes':
      return payload.length <= 512
        ? [`payload      ${size}, hexadecimal`, indent(hexOf(payload))]
        : [`payload      ${size}, base64`, indent(view.base64.replace(/.{100}/g, '$&\n'))];
  }
}

/** Sixteen bytes a line, with their place and their ASCII. */
function hexOf(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = [...bytes.subarray(at, at + 16)];
    const hex = row.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const ascii = row.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    lines.push(`${at.toString(16).padStart(4, '0')}  ${hex.padEnd(47)}  ${ascii}`);
  }
  return lines.join('\n');
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');
}

function firstLine(text: string): string {
  const line = text.split('\n', 1)[0] ?? '';
  return line.length > 90 ? `${line.slice(0, 89)}…` : line;
}
