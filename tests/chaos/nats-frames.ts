/** One operation of the NATS protocol as it passes: its line, and its payload where it has one. */
export interface Frame {
  /** Upper case: PUB, HPUB, MSG, HMSG, PING … */
  readonly operation: string;
  /** Subject of a message; empty for other operations. */
  readonly subject: string;
  /** Where an answer is to go; empty for none. */
  readonly reply: string;
  /** All of it, with line and payload. */
  readonly bytes: Buffer;
}

/** Number of arguments before the optional reply subject, of the operations that carry a payload. */
const argumentsBeforeReply: Readonly<Record<string, number>> = { PUB: 1, HPUB: 1, MSG: 2, HMSG: 2 };
/** Sizes at the end of the line: with headers their length comes first, then the total. */
const sizes: Readonly<Record<string, number>> = { PUB: 1, HPUB: 2, MSG: 1, HMSG: 2 };
const lineEnd = Buffer.from('\r\n');

/** Cuts one direction of a connection into frames; what is not complete yet waits for the next chunk. */
export function createFrameReader(): (chunk: Buffer) => Frame[] {
  let left: Buffer = Buffer.alloc(0);
  return (chunk) => {
    left = left.length === 0 ? chunk : Buffer.concat([left, chunk]);
    const frames: Frame[] = [];
    for (;;) {
      const end = left.indexOf(lineEnd);
      if (end < 0) return frames;
      const [name = '', ...words] = left.toString('latin1', 0, end).split(/\s+/);
      const operation = name.toUpperCase();
      const before = argumentsBeforeReply[operation];
      let length = end + lineEnd.length;
      if (before !== undefined) length += Number(words.at(-1)) + lineEnd.length;
      if (left.length < length) return frames;
      const hasReply = before !== undefined && words.length - (sizes[operation] ?? 0) > before;
      frames.push({
        operation,
        subject: before === undefined ? '' : (words[0] ?? ''),
        reply: hasReply ? (words[before] ?? '') : '',
        bytes: left.subarray(0, length),
      });
      left = left.subarray(length);
    }
  };
}
