/* A writer of Thrift's compact protocol, enough for a Parquet file of one column. */

export type Field = readonly [id: number, type: 5 | 6 | 8 | 9 | 12, value: Buffer];

export const varint = (value: number): Buffer => {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    bytes.push(rest > 127 ? (rest % 128) | 128 : rest);
    if (rest <= 127) return Buffer.from(bytes);
  }
};
export const zigzag = (value: number): Buffer => varint(value < 0 ? -2 * value - 1 : 2 * value);
export const i32 = (id: number, value: number): Field => [id, 5, zigzag(value)];
export const i64 = (id: number, value: number): Field => [id, 6, zigzag(value)];
export const text = (id: number, value: string): Field => [
  id,
  8,
  Buffer.concat([varint(value.length), Buffer.from(value)]),
];
export const struct = (...fields: readonly Field[]): Buffer => {
  let last = 0;
  return Buffer.concat([
    ...fields.flatMap(([id, type, value]) => {
      const head = Buffer.from([((id - last) << 4) | type]);
      last = id;
      return [head, value];
    }),
    Buffer.from([0]),
  ]);
};
export const list = (id: number, type: number, ...items: readonly Buffer[]): Field => [
  id,
  9,
  Buffer.concat([Buffer.from([(items.length << 4) | type]), ...items]),
];

export const encodings = { plain: 0, dictionary: 8, deltaBinary: 5, deltaByteArray: 7 };

export const texts = (...values: readonly string[]): Buffer =>
  Buffer.concat(
    values.map((value) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(value.length);
      return Buffer.concat([length, Buffer.from(value)]);
    }),
  );

/** A file of column chunks and a footer, whatever these are. */
export function fileOf(body: Buffer, footer: Buffer): Uint8Array {
  const size = Buffer.alloc(4);
  size.writeUInt32LE(footer.length);
  return new Uint8Array(Buffer.concat([Buffer.from('PAR1'), body, footer, size, Buffer.from('PAR1')]));
}
