/**
 * Writes the protobuf wire format into one growing buffer. Generated encoders allocate for each nested message and
 * string; for the two messages of the hot path (answers and captures) that would cost more than the prediction.
 */
export class WireWriter {
  #buffer: Buffer;
  #position = 0;

  constructor(capacity = 4096) {
    this.#buffer = Buffer.allocUnsafe(capacity);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#position;
  }

  /** Forgets what was written after `length` bytes. */
  truncate(length: number): void {
    this.#position = length;
  }

  /** A copy of all bytes. */
  copy(): Buffer {
    return Buffer.from(this.#buffer.subarray(0, this.#position));
  }

  /** Makes room for `bytes` more, so that the unchecked methods below can be used. */
  reserve(bytes: number): void {
    if (this.#position + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#position + bytes));
    this.#buffer.copy(larger, 0, 0, this.#position);
    this.#buffer = larger;
  }

  /** One byte, such as a tag below 16 or a length below 128. */
  byte(value: number): void {
    this.reserve(1);
    this.#buffer[this.#position++] = value;
  }

  /** An unsigned integer up to 2^53. */
  varint(value: number): void {
    this.reserve(10);
    let rest = value;
    while (rest > 127) {
      this.#buffer[this.#position++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.#buffer[this.#position++] = rest;
  }

  /** Little-endian float64. */
  double(value: number): void {
    this.reserve(8);
    this.#position = this.#buffer.writeDoubleLE(value, this.#position);
  }

  /** Bytes as they are. */
  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.#buffer.set(bytes, this.#position);
    this.#position += bytes.length;
  }

  /** Tag, length and UTF-8 bytes of a string field; nothing for '' (the default of proto3). */
  string(tag: number, value: string): void {
    if (value.length > 0) this.stringAlways(tag, value);
  }

  /** As {@link string}, but an empty string is written too. */
  stringAlways(tag: number, value: string): void {
    this.byte(tag);
    const { length } = value;
    if (length < 48) {
      this.reserve(length + 1);
      const start = this.#position;
      let at = start + 1;
      let i = 0;
      for (; i < length; i += 1) {
        const code = value.charCodeAt(i);
        if (code > 127) break;
        this.#buffer[at++] = code;
      }
      if (i === length) {
        this.#buffer[start] = length;
        this.#position = at;
        return;
      }
    }
    const bytes = Buffer.byteLength(value);
    this.varint(bytes);
    this.reserve(bytes);
    this.#position += this.#buffer.write(value, this.#position, 'utf8');
  }

  /** Starts a nested message: tag and room for its length; give the result to {@link end}. */
  begin(tag: number): number {
    this.byte(tag);
    this.reserve(2);
    this.#position += 2;
    return this.#position;
  }

  /** Ends a nested message: writes its length and closes (or widens) the room left for it. */
  end(start: number): void {
    const size = this.#position - start;
    const lengthBytes = size < 128 ? 1 : size < 16384 ? 2 : size < 2097152 ? 3 : 4;
    if (lengthBytes !== 2) {
      this.reserve(2);
      this.#buffer.copyWithin(start - 2 + lengthBytes, start, start + size);
    }
    this.#position = start - 2;
    this.varint(size);
    this.#position += size;
  }
}
