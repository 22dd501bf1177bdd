import { textOf } from './csv-cells.js';

/** Most distinct texts of a column. */
const MAX_TEXTS = 65_536;
/** Longer cells are taken for texts that do not repeat. */
const LONGEST = 64;

/** FNV-1a, a byte at a time: `hash = Math.imul(hash ^ byte, HASH_PRIME)`, from HASH_SEED on. */
export const HASH_SEED = 0x811c9dc5 | 0;
export const HASH_PRIME = 0x01000193;

/** Hash of the bytes of a cell. */
export function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = HASH_SEED;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, HASH_PRIME);
  return hash;
}

/** The distinct texts of a column, found by the bytes of its cells: no string is made for a cell that was there before. */
export class TextDictionary {
  readonly texts: string[] = [];
  readonly #bytes: Uint8Array;
  #mask = 255;
  #slots = new Int32Array(this.#mask + 1).fill(-1);
  /** Of each distinct cell: hash, where it begins and ends, number of its text. */
  #entries = new Int32Array(4 * 128);
  #count = 0;
  // A quoted cell and the same one without quotes are one text.
  readonly #codes = new Map<string, number>();

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Number of the cell's text; −1 for a long one, and for a new one where there are too many already. */
  codeOf(start: number, end: number, hash: number): number {
    const length = end - start;
    if (length > LONGEST) return -1;
    const entries = this.#entries;
    const slots = this.#slots;
    const mask = this.#mask;
    let slot = (hash ^ (hash >>> 15)) & mask;
    for (let at = slots[slot]!; at >= 0; at = slots[slot]!) {
      if (entries[at] === hash && entries[at + 2] === length && this.#same(start, length, entries[at + 1]!))
        return entries[at + 3]!;
      slot = (slot + 1) & mask;
    }
    return this.#add(start, end, hash, slot);
  }

  #same(start: number, length: number, other: number): boolean {
    const bytes = this.#bytes;
    // Offsets are 32 bits without a sign.
    const from = other >>> 0;
    for (let i = 0; i < length; i++) if (bytes[start + i] !== bytes[from + i]) return false;
    return true;
  }

  #add(start: number, end: number, hash: number, slot: number): number {
    if (this.#count >= MAX_TEXTS) return -1;
    const text = textOf(this.#bytes, start, end);
    let code = this.#codes.get(text);
    if (code === undefined) this.#codes.set(text, (code = this.texts.push(text) - 1));
    const at = 4 * this.#count++;
    if (at === this.#entries.length) {
      const grown = new Int32Array(2 * at);
      grown.set(this.#entries);
      this.#entries = grown;
    }
    this.#entries.set([hash, start, end - start, code], at);
    this.#slots[slot] = at;
    if (2 * this.#count > this.#mask) this.#grow();
    return code;
  }

  #grow(): void {
    this.#mask = this.#mask * 2 + 1;
    this.#slots = new Int32Array(this.#mask + 1).fill(-1);
    for (let at = 0; at < 4 * this.#count; at += 4) {
      const hash = this.#entries[at]!;
      let slot = (hash ^ (hash >>> 15)) & this.#mask;
      while (this.#slots[slot]! >= 0) slot = (slot + 1) & this.#mask;
      this.#slots[slot] = at;
    }
  }
}
