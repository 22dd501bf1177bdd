// Predicts with nothing but grpc-js and the .proto files.
//   node tests/clients/js/predict-by-proto.mjs 127.0.0.1:7071 penguins '{"island": "Biscoe", "body_mass_g": 5000, "sex": null, …}'
import { fileURLToPath } from 'node:url';

import * as grpc from '@grpc/grpc-js';
import * as protoLoader from '@grpc/proto-loader';

const [address, model, json] = process.argv.slice(2);
const definition = protoLoader.loadSync('rookery/inference/v1/inference.proto', {
  includeDirs: [fileURLToPath(new URL('../../../proto', import.meta.url))],
  longs: Number,
});
const { rookery } = grpc.loadPackageDefinition(definition);
const client = new rookery.inference.v1.InferenceService(address, grpc.credentials.createInsecure());

/** A value has one of number, text and flag; none of them means missing. */
const valueOf = (value) =>
  ({ number: { number: value }, string: { text: value }, boolean: { flag: value } })[typeof value] ?? {};
const values = Object.fromEntries(
  Object.entries(JSON.parse(json)).map(([name, value]) => [name, valueOf(value)]),
);

client.predict({ model, rows: [{ values }] }, (error, response) => {
  if (error) {
    console.error(`${error.metadata.get('rookery-error-code')[0] ?? error.code}: ${error.details}`);
    process.exitCode = 1;
  } else {
    console.log(JSON.stringify(response));
  }
  client.close();
});
