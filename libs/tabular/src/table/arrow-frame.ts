/** Why bytes are no Arrow data that may be read. */
export class ArrowFrameError extends Error {}

/** Tables within the metadata: fields, their types and dictionaries, texts beside them. */
const MOST_TABLES = 200_000;
/** Bytes of all lists and texts of the metadata, counted once for each that names them, beyond four times the file. */
const MOST_ITEM_BYTES = 16 * 1024 * 1024;
const DEEPEST = 64;
const MOST_ROWS = 2 ** 31 - 1;
const MAGIC = [...'ARROW1'].map((letter) => letter.charCodeAt(0));

/**
 * Checks the frame of an Arrow IPC stream or file before it is read: each length lies within the bytes, each table of the
 * metadata within its message, none is counted twice without end, and no batch claims more rows than its body has
 * bits. A reader that trusts these figures can be held up for ever, or made to take any amount of memory, by a few
 * bytes. Gives the part that was checked: a reader may go on behind the mark of the end. Throws ArrowFrameError.
 */
export function checkedArrow(bytes: Uint8Array): Uint8Array {
  const frame = new Frame(bytes);
  if (MAGIC.every((letter, i) => bytes[i] === letter)) {
    checkFile(frame);
    return bytes;
  }
  return bytes.subarray(0, endOfStream(frame));
}

function endOfStream(frame: Frame): number {
  let position = 0;
  while (position + 4 <= frame.length) {
    const end = checkMessage(frame, position);
    if (end === undefined) break;
    position = end;
  }
  return position;
}

function checkFile(frame: Frame): void {
  const tail = frame.length - 10;
  if (tail < 8) throw new ArrowFrameError('it ends within its frame');
  const size = frame.int32(tail);
  const start = tail - size;
  if (size < 8 || start < 8) throw new ArrowFrameError('its footer is longer than the file');
  const footer = frame.within(start, tail);
  const table = footer.table(footer.indirect(start));
  const schema = table.at(1);
  if (schema === 0) throw new ArrowFrameError('its footer has no schema');
  checkSchema(footer, footer.indirect(schema));
  for (const slot of [2, 3]) {
    for (const block of footer.vector(table.at(slot), 24)) {
      const offset = footer.int64(block);
      // A block is read where it says, with the lengths that stand there.
      if (offset < 8 || offset + 4 > start) throw new ArrowFrameError('a block lies outside the file');
      checkMessage(frame, offset);
    }
  }
}

/** Checks the message that begins here and gives its end; undefined where it is the mark of the end. */
function checkMessage(frame: Frame, position: number): number | undefined {
  let at = position;
  let size = frame.int32(at);
  at += 4;
  if (size === -1) {
    size = frame.int32(at);
    at += 4;
  }
  if (size === 0) return undefined;
  if (size < 8 || at + size > frame.length) throw new ArrowFrameError('a message is longer than the file');
  const part = frame.within(at, at + size);
  const message = part.table(part.indirect(at));
  const kind = message.at(1) === 0 ? 0 : part.uint8(message.at(1));
  const body = message.at(3) === 0 ? 0 : part.int64(message.at(3));
  if (body < 0 || at + size + body > frame.length)
    throw new ArrowFrameError('the body of a message is longer than the file');
  const header = message.at(2) === 0 ? undefined : part.indirect(message.at(2));
  if (header === undefined) throw new ArrowFrameError('a message has no header');
  if (kind === 1) checkSchema(part, header);
  else if (kind === 3) checkBatch(part, header, body);
  else if (kind === 2) {
    const data = part.table(header).at(1);
    if (data === 0) throw new ArrowFrameError('a dictionary has no data');
    checkBatch(part, part.indirect(data), body);
  } else throw new ArrowFrameError(`a message is of the unknown kind ${kind}`);
  return at + size + body;
}

function checkBatch(frame: Frame, position: number, body: number): void {
  const batch = frame.table(position);
  const rows = batch.at(0) === 0 ? 0 : frame.int64(batch.at(0));
  // The shortest cells are bits; columns that hold nothing but nulls have no bytes at all.
  const most = Math.min(MOST_ROWS, 8 * body + 65_536);
  if (rows < 0 || rows > most) throw new ArrowFrameError(`a batch claims ${rows} rows in ${body} bytes`);
  for (const node of frame.vector(batch.at(1), 16)) {
    const length = frame.int64(node);
    const nulls = frame.int64(node + 8);
    if (length < 0 || length > most || nulls < 0 || nulls > length)
      throw new ArrowFrameError(`a column claims ${length} cells and ${nulls} nulls in ${body} bytes`);
  }
  for (const buffer of frame.vector(batch.at(2), 16)) {
    const offset = frame.int64(buffer);
    const length = frame.int64(buffer + 8);
    if (offset < 0 || length < 0 || offset + length > body)
      throw new ArrowFrameError('a buffer lies outside the body of its message');
  }
}

function checkSchema(frame: Frame, position: number): void {
  const schema = frame.table(position);
  for (const field of frame.vector(schema.at(1), 4)) checkField(frame, frame.indirect(field), 1);
  checkMetadata(frame, schema.at(2));
}

function checkField(frame: Frame, position: number, depth: number): void {
  if (depth > DEEPEST) throw new ArrowFrameError(`its columns are nested deeper than ${DEEPEST} levels`);
  const field = frame.table(position);
  frame.vector(field.at(0), 1);
  if (field.at(3) !== 0) frame.table(frame.indirect(field.at(3)));
  if (field.at(4) !== 0) {
    const dictionary = frame.table(frame.indirect(field.at(4)));
    if (dictionary.at(1) !== 0) frame.table(frame.indirect(dictionary.at(1)));
  }
  for (const child of frame.vector(field.at(5), 4)) checkField(frame, frame.indirect(child), depth + 1);
  checkMetadata(frame, field.at(6));
}

function checkMetadata(frame: Frame, position: number): void {
  for (const pair of frame.vector(position, 4)) {
    const table = frame.table(frame.indirect(pair));
    frame.vector(table.at(0), 1);
    frame.vector(table.at(1), 1);
  }
}

/** Reads flatbuffers within a part of the bytes; every read is checked, and tables are counted. */
class Frame {
  readonly length: number;
  readonly #view: DataView;
  readonly #from: number;
  readonly #count: { tables: number; items: number };

  constructor(
    bytes: Uint8Array | DataView,
    from = 0,
    to = bytes.byteLength,
    count = { tables: 0, items: 0 },
  ) {
    this.#view =
      bytes instanceof DataView ? bytes : new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#from = from;
    this.length = to;
    this.#count = count;
  }

  within(from: number, to: number): Frame {
    return new Frame(this.#view, from, to, this.#count);
  }

  uint8(at: number): number {
    return this.#view.getUint8(this.#checked(at, 1));
  }

  int32(at: number): number {
    return this.#view.getInt32(this.#checked(at, 4), true);
  }

  int64(at: number): number {
    return Number(this.#view.getBigInt64(this.#checked(at, 8), true));
  }

  /** Where the offset at this position leads. */
  indirect(at: number): number {
    return at + this.#view.getUint32(this.#checked(at, 4), true);
  }

  /** The table at this position: `at` gives where a field of it stands, 0 where it has none. */
  table(position: number): { at(slot: number): number } {
    if (++this.#count.tables > MOST_TABLES) throw new ArrowFrameError('its metadata has no end');
    const shape = position - this.int32(position);
    const size = this.#view.getUint16(this.#checked(shape, 4), true);
    this.#checked(shape, Math.max(4, size));
    return {
      at: (slot) => {
        const entry = 4 + 2 * slot;
        // Readers take an entry of which the table has one byte alone.
        const offset = entry < size ? this.#view.getUint16(this.#checked(shape + entry, 2), true) : 0;
        return offset === 0 ? 0 : this.#checked(position + offset, 1);
      },
    };
  }

  /** Positions of the items of the vector that the offset at `at` leads to; none where `at` is 0. */
  vector(at: number, size: number): Iterable<number> {
    if (at === 0) return [];
    const start = this.indirect(at);
    const count = this.#view.getUint32(this.#checked(start, 4), true);
    this.#checked(start + 4, count * size);
    // Many tables may name one long list: each of them is read for itself.
    this.#count.items += count * size;
    if (this.#count.items > MOST_ITEM_BYTES + 4 * this.#view.byteLength)
      throw new ArrowFrameError('its metadata has no end');
    return (function* () {
      for (let i = 0; i < count; i++) yield start + 4 + i * size;
    })();
  }

  #checked(at: number, size: number): number {
    if (at >= this.#from && at + size <= this.length) return at;
    throw new ArrowFrameError(`its metadata leads to byte ${at}, which is outside`);
  }
}
