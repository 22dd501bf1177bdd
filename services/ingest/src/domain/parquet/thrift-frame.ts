const DEEPEST = 24;

/**
 * Where the struct of Thrift's compact protocol that begins at `at` ends. Throws for one that is not whole, a number
 * without end, a list that claims more items than there are bytes, or structs nested beyond measure: a reader that
 * takes these at their word sets memory aside for them first.
 */
export function endOfThrift(view: DataView, at: number, end: number, depth = 0): number {
  if (depth > DEEPEST) throw new Error('its metadata is nested too deeply');
  let position = at;
  for (;;) {
    if (position >= end) throw new Error('its metadata is cut off');
    const head = view.getUint8(position++);
    const type = head & 15;
    if (type === 0) return position;
    if (head >> 4 === 0) position = endOfNumber(view, position, end);
    position = endOfValue(view, position, end, type, depth);
  }
}

function endOfValue(view: DataView, at: number, end: number, type: number, depth: number): number {
  switch (type) {
    case 1:
    case 2:
      return at;
    case 3:
      return within(at + 1, end);
    case 4:
    case 5:
    case 6:
      return endOfNumber(view, at, end);
    case 7:
      return within(at + 8, end);
    case 8: {
      const [length, start] = size(view, at, end);
      return within(start + length, end);
    }
    case 9:
      return endOfList(view, at, end, depth);
    case 12:
      return endOfThrift(view, at, end, depth + 1);
    default:
      throw new Error(`its metadata has the unknown type ${type}`);
  }
}

function endOfList(view: DataView, at: number, end: number, depth: number): number {
  if (depth > DEEPEST) throw new Error('its metadata is nested too deeply');
  const head = view.getUint8(within(at + 1, end) - 1);
  const type = head & 15;
  let [count, position] = [head >> 4, at + 1];
  if (count === 15) [count, position] = size(view, position, end);
  // Each item has a byte at least.
  within(position + count, end);
  const item = type === 1 || type === 2 ? 3 : type;
  for (let i = 0; i < count; i++) position = endOfValue(view, position, end, item, depth + 1);
  return position;
}

/** A length and where it ends: as the library reads it, 32 bits. */
export function size(view: DataView, at: number, end: number): [value: number, end: number] {
  let value = 0;
  for (let i = 0; i < 5; i++) {
    if (at + i >= end) break;
    const byte = view.getUint8(at + i);
    value |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      if (value < 0) break;
      return [value, at + i + 1];
    }
  }
  throw new Error('its metadata has a length without end');
}

/** Where a number of at most 64 bits ends. */
export function endOfNumber(view: DataView, at: number, end: number): number {
  for (let i = 0; i < 10; i++) {
    if (at + i >= end) break;
    if (view.getUint8(at + i) < 0x80) return at + i + 1;
  }
  throw new Error('its metadata has a number without end');
}

function within(at: number, end: number): number {
  if (at > end) throw new Error('its metadata is cut off');
  return at;
}
