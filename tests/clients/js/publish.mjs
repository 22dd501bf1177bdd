// Publishes a data set with a plain NATS client and prints what becomes of it.
//   node tests/clients/js/publish.mjs nats://127.0.0.1:7422 '{"name": "penguins", "uri": "file:///…/penguins.csv", "target": "species"}'
import { connect } from '@nats-io/transport-node';

const [servers, json] = process.argv.slice(2);
const { name } = JSON.parse(json);
const nats = await connect({ servers });
const swapped = nats.subscribe('ml.inference.swapped.*', { max: 1 });
const rejected = nats.subscribe(`ml.*.rejected.${name}`, { max: 1 });
await nats.flush();

nats.publish('ml.dataset.ready', json);
const first = async (subscription) => {
  for await (const message of subscription) return { subject: message.subject, ...message.json() };
};
const outcome = await Promise.race([first(swapped), first(rejected)]);
console.log(JSON.stringify(outcome));
process.exitCode = outcome.subject.startsWith('ml.inference.swapped') ? 0 : 1;
await nats.close();
