// Writes golden/events-v1.json: one fully populated example of every event message, as protobuf bytes (base64) and as
// proto3 JSON, made by @bufbuild/protobuf, which shares no code with what the services use. Values follow from the names
// and numbers of the fields. Run it when a field was added (node tests/contract/generate-golden.mjs). It refuses where an
// existing example would change, which is a break of the contract; --force is for the time before a release.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createFileRegistry, fromBinary, fromJson, toBinary, toJson } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';

const target = new URL('./golden/events-v1.json', import.meta.url);
const descriptor = readFileSync(new URL('../../proto/src/gen/descriptor.binpb', import.meta.url));
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptor));

/** ScalarType of descriptors, by number. */
const scalarNames = {
  1: 'double',
  3: 'int64',
  4: 'uint64',
  5: 'int32',
  8: 'bool',
  9: 'string',
  12: 'bytes',
  13: 'uint32',
};

const struct = { text: 'a', number: 1.5, flag: true, list: [1, 'b'], object: { inner: 2 } };

/** The value in the examples of an enum that has got another last one since: examples never change. */
const enumExamples = { 'rookery.domain.v1.Task': 'TASK_REGRESSION' };

const golden = {};
for (const file of registry.files) {
  if (file.proto.package !== 'rookery.events.v1') continue;
  for (const message of file.messages) {
    const json = exampleOf(message);
    const bytes = toBinary(message, fromJson(message, json, { registry }));
    golden[message.typeName] = {
      base64: Buffer.from(bytes).toString('base64'),
      json: toJson(message, fromBinary(message, bytes), { registry }),
      protoNamesJson: toJson(message, fromBinary(message, bytes), { registry, useProtoFieldName: true }),
    };
  }
}

if (existsSync(target) && !process.argv.includes('--force')) {
  const before = JSON.parse(readFileSync(target, 'utf8'));
  for (const [name, example] of Object.entries(before)) {
    const change = firstChange(example.json, golden[name]?.json, name);
    if (change !== undefined) {
      process.stderr.write(
        `${change} is no longer what it was: released messages can not change (--force before a release).\n`,
      );
      process.exit(1);
    }
  }
}
const sorted = Object.fromEntries(Object.entries(golden).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(target, `${JSON.stringify(sorted, null, 1)}\n`);
process.stdout.write(`${Object.keys(golden).length} messages\n`);

/** proto3 JSON with a value in every field; of a oneof, the first. */
function exampleOf(message) {
  if (message.typeName === 'google.protobuf.Struct') return struct;
  const oneofs = new Set();
  const json = {};
  for (const field of message.fields) {
    if (field.oneof !== undefined) {
      if (oneofs.has(field.oneof.name)) continue;
      oneofs.add(field.oneof.name);
    }
    if (field.fieldKind === 'list') json[field.jsonName] = [valueOf(field, 0), valueOf(field, 1)];
    else if (field.fieldKind === 'map') json[field.jsonName] = { [keyOf(field)]: valueOf(field, 0) };
    else json[field.jsonName] = valueOf(field, 0);
  }
  return json;
}

function keyOf(field) {
  return `${field.name}-key`;
}

function valueOf(field, index) {
  const item =
    field.fieldKind === 'list' ? field.listKind : field.fieldKind === 'map' ? field.mapKind : field.fieldKind;
  if (item === 'message') return exampleOf(field.message);
  if (item === 'enum') return enumExamples[field.enum.typeName] ?? field.enum.values.at(-1).name;
  const number = field.number * 10 + index + 1;
  switch (scalarNames[field.scalar]) {
    case 'string':
      return `${field.name} ${index} é"\n`;
    case 'bytes':
      return Buffer.from([0, 255, number % 256]).toString('base64');
    case 'bool':
      return true;
    case 'double':
      return number + 0.25;
    // Above 32 bits, so that a narrowed field shows.
    case 'int64':
    case 'uint64':
      return String(2 ** 40 + number);
    case 'int32':
    case 'uint32':
      return number;
    default:
      throw new Error(`${field.parent.typeName}.${field.name} has a type without an example`);
  }
}

/** Path of the first value of `before` that `after` does not have; undefined where it has all. */
function firstChange(before, after, path) {
  if (typeof before !== 'object' || before === null) return before === after ? undefined : path;
  if (typeof after !== 'object' || after === null) return path;
  for (const [key, value] of Object.entries(before)) {
    const change = firstChange(value, after[key], `${path}.${key}`);
    if (change !== undefined) return change;
  }
  return undefined;
}
