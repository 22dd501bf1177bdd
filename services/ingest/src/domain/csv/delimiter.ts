/** Bytes that may separate cells, most likely first. */
const COMMA = 0x2c;
const SEMICOLON = 0x3b;
const TAB = 0x09;
const QUOTE = 0x22;

/**
 * Delimiter of a CSV file by its header, outside quotes: a comma where there is one (so that a file that follows
 * RFC 4180 is never misread), else a semicolon, else a tab; a comma where there is none of them. `tabs` (a file
 * that ends in .tsv) takes a tab without looking.
 */
export function detectDelimiter(bytes: Uint8Array, from: number, tabs = false): number {
  if (tabs) return TAB;
  const counter = createHeaderCounter();
  counter.push(bytes.subarray(from));
  return [COMMA, SEMICOLON, TAB].find((_, i) => counter.counts[i]! > 0) ?? COMMA;
}

/** Counts the delimiters of a header that arrives in pieces. */
interface HeaderCounter {
  readonly counts: number[];
  push(chunk: Uint8Array): void;
  /** Whether the end of the header was seen. */
  complete(): boolean;
}

function createHeaderCounter(): HeaderCounter {
  const counts = [0, 0, 0];
  let quoted = false;
  let cellStart = true;
  let begun = false;
  let complete = false;
  return {
    counts,
    complete: () => complete,
    push(chunk) {
      for (let i = 0; i < chunk.length && !complete; i++) {
        const byte = chunk[i];
        if (byte === QUOTE && (quoted || cellStart)) quoted = !quoted;
        else if (quoted) continue;
        else if (byte === 10 || byte === 13) {
          complete = begun;
          continue;
        }
        cellStart = byte === COMMA || byte === SEMICOLON || byte === TAB || byte === QUOTE;
        if (byte === COMMA) counts[0]!++;
        else if (byte === SEMICOLON) counts[1]!++;
        else if (byte === TAB) counts[2]!++;
        begun = true;
      }
    },
  };
}

/**
 * Looks at a CSV file while it is still arriving and says when its header has more columns than allowed, so that
 * a file of millions of columns is refused from its first bytes instead of being read to its end.
 */
export function createHeaderGuard(maxColumns: number, onlyTabs = false): (chunk: Uint8Array) => boolean {
  const counter = createHeaderCounter();
  return (chunk) => {
    if (counter.complete()) return false;
    counter.push(chunk);
    const [commas = 0, semicolons = 0, tabs = 0] = counter.counts;
    // Only the delimiter that will be taken counts: a header of few commas may hold any number of semicolons.
    const found = onlyTabs ? tabs : commas > 0 ? commas : semicolons > 0 ? semicolons : tabs;
    return found + 1 > maxColumns;
  };
}
