import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import { createFileRegistry, fromBinary, ScalarType } from '@bufbuild/protobuf';
import type { DescField, DescMessage, DescMethod, FileRegistry } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';

import { nastyTexts, nested, numberOf, textOf } from './nasty.js';

/** All messages and services of the contracts, from the generated descriptors. */
export function loadContracts(): FileRegistry {
  const file = createRequire(import.meta.url).resolve('@rookery/proto/descriptor');
  return createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(file)));
}

/** All methods of all services. */
export function methodsOf(contracts: FileRegistry): DescMethod[] {
  return [...contracts].flatMap((type) => (type.kind === 'service' ? type.methods : []));
}

type Write = (writer: BinaryWriter) => void;

/**
 * Bytes of messages of this kind: any fields in any order, repeated or not, with edge values; some of the wrong wire type,
 * some unknown, some nested without end. `known` are texts that lead somewhere.
 */
export function binaryOf(
  message: DescMessage,
  known: readonly string[],
  depth = 4,
): fc.Arbitrary<Uint8Array> {
  return writesOf(message, known, depth).map((writes) => {
    const writer = new BinaryWriter();
    for (const write of writes) write(writer);
    return writer.finish();
  });
}

function writesOf(message: DescMessage, known: readonly string[], depth: number): fc.Arbitrary<Write[]> {
  const good = message.fields.map((field) => fieldOf(field, known, depth));
  const strange = fc
    .tuple(
      fc.nat({ max: 40 }),
      fc.constantFrom(WireType.Varint, WireType.Bit32, WireType.Bit64, WireType.LengthDelimited),
      fc.nat(),
    )
    .map(([number, wire, value]): Write => (writer) => {
      writer.tag(number + 1, wire);
      if (wire === WireType.Varint) writer.uint32(value);
      else if (wire === WireType.Bit32) writer.fixed32(value);
      else if (wire === WireType.Bit64) writer.fixed64(BigInt(value));
      else writer.bytes(new Uint8Array(value % 64));
    });
  const deep = fc.tuple(fc.nat({ max: 20 }), fc.constantFrom(1, 30, 300, 3000)).map(
    ([number, levels]): Write =>
      (writer) =>
        writer.tag(number + 1, WireType.LengthDelimited).bytes(deepStruct(levels)),
  );
  return fc.array(
    fc.oneof(
      ...(good.length > 0 ? [{ weight: 30, arbitrary: fc.oneof(...good) }] : []),
      { weight: 2, arbitrary: strange },
      { weight: 1, arbitrary: deep },
    ),
    { maxLength: Math.min(12, 3 + message.fields.length * 2) },
  );
}

const deepStructs = new Map<number, Uint8Array>();

/** A google.protobuf.Struct within a Struct within a Struct … */
function deepStruct(levels: number): Uint8Array {
  const made = deepStructs.get(levels);
  if (made !== undefined) return made;
  let bytes: Uint8Array = new Uint8Array();
  for (let level = 0; level < levels; level++) {
    const value = new BinaryWriter().tag(5, WireType.LengthDelimited).bytes(bytes).finish();
    const entry = new BinaryWriter().tag(1, WireType.LengthDelimited).string('a');
    const pair = entry.tag(2, WireType.LengthDelimited).bytes(value).finish();
    bytes = new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(pair).finish();
  }
  deepStructs.set(levels, bytes);
  return bytes;
}

function fieldOf(field: DescField, known: readonly string[], depth: number): fc.Arbitrary<Write> {
  if (field.fieldKind === 'map') {
    const value = field.message !== undefined ? messageBytes(field.message, known, depth) : undefined;
    return fc
      .tuple(textOf(known), value ?? scalarWrite(field.scalar ?? ScalarType.INT32, known, 2))
      .map(([key, what]): Write => (writer) => {
        const entry = new BinaryWriter().tag(1, WireType.LengthDelimited).string(wellFormed(key));
        if (what instanceof Uint8Array) entry.tag(2, WireType.LengthDelimited).bytes(what);
        else what(entry);
        writer.tag(field.number, WireType.LengthDelimited).bytes(entry.finish());
      });
  }
  if (field.message !== undefined) {
    return messageBytes(field.message, known, depth).map(
      (bytes): Write =>
        (writer) =>
          writer.tag(field.number, WireType.LengthDelimited).bytes(bytes),
    );
  }
  const scalar = field.enum !== undefined ? ScalarType.INT32 : (field.scalar ?? ScalarType.INT32);
  return scalarWrite(scalar, known, field.number);
}

function messageBytes(
  message: DescMessage,
  known: readonly string[],
  depth: number,
): fc.Arbitrary<Uint8Array> {
  return depth === 0
    ? fc.constant(new Uint8Array())
    : fc.oneof(
        { weight: 8, arbitrary: binaryOf(message, known, depth - 1) },
        fc.uint8Array({ maxLength: 20 }),
      );
}

const integer = numberOf.map((value) =>
  Number.isFinite(value) ? BigInt(Math.trunc(Math.max(-(2 ** 63), Math.min(2 ** 63 - 1024, value)))) : 0n,
);

function scalarWrite(scalar: ScalarType, known: readonly string[], number: number): fc.Arbitrary<Write> {
  switch (scalar) {
    case ScalarType.STRING:
      return fc.oneof(
        {
          weight: 8,
          arbitrary: textOf(known).map(
            (text): Write =>
              (writer) =>
                writer.tag(number, WireType.LengthDelimited).string(wellFormed(text)),
          ),
        },
        fc.uint8Array({ maxLength: 12 }).map(
          (bytes): Write =>
            (writer) =>
              writer.tag(number, WireType.LengthDelimited).bytes(bytes),
        ),
      );
    case ScalarType.BYTES:
      return fc.uint8Array({ maxLength: 400 }).map(
        (bytes): Write =>
          (writer) =>
            writer.tag(number, WireType.LengthDelimited).bytes(bytes),
      );
    case ScalarType.DOUBLE:
      return numberOf.map(
        (value): Write =>
          (writer) =>
            writer.tag(number, WireType.Bit64).double(value),
      );
    case ScalarType.FLOAT:
      return numberOf.map(
        (value): Write =>
          (writer) =>
            writer
              .tag(number, WireType.Bit32)
              .float(Number.isFinite(value) && Math.abs(value) > 3e38 ? 0 : value),
      );
    default:
      return integer.map(
        (value): Write =>
          (writer) =>
            writer.tag(number, WireType.Varint).int64(value),
      );
  }
}

/** The encoder refuses lone surrogates; their bytes are tried as raw ones. */
const wellFormed = (text: string): string => text.replace(/[\ud800-\udfff]/g, '\ufffd');

/** JSON of messages of this kind, as text: right and wrong names, types and nesting. */
export function jsonOf(message: DescMessage, known: readonly string[], depth = 3): fc.Arbitrary<string> {
  const entries = message.fields.map((field) =>
    fc
      .tuple(
        fc.constantFrom(field.jsonName, field.name),
        fc.oneof({ weight: 10, arbitrary: jsonValue(field, known, depth) }, wrongJson),
      )
      .map(([name, value]) => `${JSON.stringify(name)}:${value}`),
  );
  const strange = fc
    .tuple(fc.constantFrom(...nastyTexts), wrongJson)
    .map(([name, value]) => `${JSON.stringify(name)}:${value}`);
  return fc
    .array(
      fc.oneof(...(entries.length > 0 ? [{ weight: 30, arbitrary: fc.oneof(...entries) }] : []), strange),
      {
        maxLength: Math.min(14, 4 + message.fields.length),
      },
    )
    .map((pairs) => `{${pairs.join(',')}}`);
}

const wrongJson = fc.oneof(
  fc.constantFrom(
    'null',
    'true',
    '0',
    '-1',
    '1e309',
    '""',
    '[]',
    '{}',
    '[null]',
    '{"__proto__":1}',
    nested(500),
    nested(500, '{"a":', '}').replace('{}', '{"a":0}'),
  ),
  fc.constantFrom(...nastyTexts).map((text) => JSON.stringify(text)),
);

function jsonValue(field: DescField, known: readonly string[], depth: number): fc.Arbitrary<string> {
  const one = (): fc.Arbitrary<string> => {
    if (field.message !== undefined)
      return depth === 0 ? fc.constant('{}') : jsonOf(field.message, known, depth - 1);
    if (field.enum !== undefined) {
      const names = field.enum.values.flatMap(({ name, number }) => [JSON.stringify(name), String(number)]);
      return fc.constantFrom(...names, '"NONE_SUCH"', '99');
    }
    switch (field.scalar) {
      case ScalarType.STRING:
        return textOf(known).map((text) => JSON.stringify(text));
      case ScalarType.BOOL:
        return fc.boolean().map(String);
      case ScalarType.BYTES:
        return fc
          .uint8Array({ maxLength: 50 })
          .map((bytes) => JSON.stringify(Buffer.from(bytes).toString('base64')));
      default:
        return numberOf.map((value) =>
          Number.isFinite(value) ? String(value) : JSON.stringify(String(value)),
        );
    }
  };
  if (field.fieldKind === 'list')
    return fc.array(one(), { maxLength: 4 }).map((items) => `[${items.join(',')}]`);
  if (field.fieldKind === 'map') {
    return fc
      .array(fc.tuple(textOf(known), one()), { maxLength: 4 })
      .map((pairs) => `{${pairs.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}`);
  }
  return one();
}
