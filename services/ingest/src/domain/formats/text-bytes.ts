import { isUtf8 } from 'node:buffer';

import { TerminalError } from '@rookery/contracts';

import { formatOfMagic } from './dataset-format.js';

const LF = 10;
const CR = 13;

/**
 * Number of the line (from 1) that holds the byte at `position`. A line ends with LF, CR LF or CR. Counts from
 * the start: for messages only.
 */
export function lineAt(bytes: Uint8Array, position: number): number {
  let line = 1;
  for (let i = 0; i < position; i++) {
    const byte = bytes[i];
    if (byte === LF || (byte === CR && bytes[i + 1] !== LF)) line++;
  }
  return line;
}

/**
 * Checks that a file is text and returns where its content starts (behind a UTF-8 byte order mark). Throws
 * RK_DATASET_EMPTY, RK_DATASET_NUL_BYTE or RK_DATASET_ENCODING with the line and the byte's offset.
 */
export function checkText(bytes: Uint8Array): number {
  if (bytes.length === 0) throw new TerminalError('RK_DATASET_EMPTY', 'The file is empty: it has 0 bytes');
  const magic = formatOfMagic(bytes);
  if (magic !== undefined) {
    throw new TerminalError(
      'RK_DATASET_MALFORMED',
      `The file is no text: it begins like a file of format ${magic}`,
      {
        details: { format: magic },
        hint: `Give "format": "${magic}", or publish the file that was meant.`,
      },
    );
  }
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    throw new TerminalError('RK_DATASET_ENCODING', 'The file is UTF-16, not UTF-8', {
      details: { encoding: 'UTF-16' },
    });
  }
  const nul = bytes.indexOf(0);
  if (nul >= 0) {
    const line = String(lineAt(bytes, nul));
    throw new TerminalError('RK_DATASET_NUL_BYTE', `Line ${line} has a NUL byte (offset ${nul})`, {
      details: { line, offset: String(nul) },
    });
  }
  if (!isUtf8(bytes)) {
    const offset = firstInvalidByte(bytes);
    const line = String(lineAt(bytes, offset));
    const hex = (bytes[offset] ?? 0).toString(16).padStart(2, '0');
    throw new TerminalError(
      'RK_DATASET_ENCODING',
      `Line ${line} is not UTF-8: byte 0x${hex} at offset ${offset}`,
      {
        details: { line, offset: String(offset), byte: `0x${hex}` },
      },
    );
  }
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
}

/** Offset of the first character that is not UTF-8. */
function firstInvalidByte(bytes: Uint8Array): number {
  // The longest valid prefix, found by halving; it may end within a character.
  let low = 0;
  let high = bytes.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (unfinishedBytes(bytes, middle) !== undefined) low = middle;
    else high = middle - 1;
  }
  return low - (unfinishedBytes(bytes, low) ?? 0);
}

/** How many bytes at the end of the prefix begin a character that is not complete; undefined where it is no UTF-8. */
function unfinishedBytes(bytes: Uint8Array, length: number): number | undefined {
  for (let cut = 0; cut <= 3 && cut <= length; cut++) {
    if (!isUtf8(bytes.subarray(0, length - cut))) continue;
    if (cut === 0) return 0;
    const lead = bytes[length - cut]!;
    const wanted = lead > 0xf4 ? 0 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
    const rest = bytes.subarray(length - cut + 1, length);
    return wanted > cut && rest.every((byte) => byte >= 0x80 && byte < 0xc0) ? cut : undefined;
  }
  return undefined;
}
