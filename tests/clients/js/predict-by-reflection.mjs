// Predicts with nothing but grpc-js: the server itself says, by reflection, what it takes.
//   node tests/clients/js/predict-by-reflection.mjs 127.0.0.1:7071 penguins '{"island": "Biscoe", "body_mass_g": 5000, "sex": null, …}'
import { createRequire } from 'node:module';

import * as grpc from '@grpc/grpc-js';
import * as protoLoader from '@grpc/proto-loader';

const [address, model, json] = process.argv.slice(2);
const credentials = grpc.credentials.createInsecure();
const serviceName = 'rookery.inference.v1.InferenceService';

const files = await reflect(serviceName);
const definition = protoLoader.loadFileDescriptorSetFromBuffer(descriptorSet(files), { longs: Number });
const Service = grpc.makeGenericClientConstructor(definition[serviceName], serviceName);
const client = new Service(address, credentials);

/** A value has one of number, text and flag; none of them means missing. */
const valueOf = (value) =>
  ({ number: { number: value }, string: { text: value }, boolean: { flag: value } })[typeof value] ?? {};
// A descriptor says of a map what is on the wire: a list of entries with key and value.
const values = Object.entries(JSON.parse(json)).map(([key, value]) => ({ key, value: valueOf(value) }));

client.Predict({ model, rows: [{ values }] }, (error, response) => {
  if (error) {
    console.error(`${error.metadata.get('rookery-error-code')[0] ?? error.code}: ${error.details}`);
    process.exitCode = 1;
  } else {
    console.log(JSON.stringify(response));
  }
  client.close();
});

/** The descriptors of the file that has the symbol and of all that it imports, as the server gives them. */
async function reflect(symbol) {
  // The reflection protocol is the same for every server; its own .proto comes with @grpc/reflection.
  const folder = createRequire(import.meta.url)
    .resolve('@grpc/reflection/package.json')
    .replace('package.json', 'build/proto');
  const { grpc: protocol } = grpc.loadPackageDefinition(
    protoLoader.loadSync('grpc/reflection/v1/reflection.proto', { includeDirs: [folder] }),
  );
  const reflection = new protocol.reflection.v1.ServerReflection(address, credentials);
  const call = reflection.ServerReflectionInfo();
  const found = [];
  call.write({ fileContainingSymbol: symbol });
  call.end();
  for await (const { fileDescriptorResponse, errorResponse } of call) {
    if (errorResponse) throw new Error(errorResponse.errorMessage);
    found.push(...fileDescriptorResponse.fileDescriptorProto);
  }
  reflection.close();
  return found;
}

/** A google.protobuf.FileDescriptorSet: field 1 repeated, each with its length before it. */
function descriptorSet(descriptors) {
  return Buffer.concat(
    descriptors.flatMap((bytes) => {
      const length = [];
      for (let left = bytes.length; ; left >>>= 7) {
        length.push(left > 0x7f ? (left & 0x7f) | 0x80 : left);
        if (left <= 0x7f) break;
      }
      return [Buffer.from([0x0a, ...length]), bytes];
    }),
  );
}
