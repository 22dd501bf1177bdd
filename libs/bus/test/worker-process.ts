/** A worker as a process of its own: handles labels, says what it does on stdout, and holds on to those named `hang`. */
import { events } from '@rookery/contracts';
import { connectBus } from '../src/index.js';

const [url, durable] = process.argv.slice(2) as [string, string];
const bus = await connectBus({ url, name: `worker-${process.pid}` });
await bus.consume(events.labelReceived, {
  durable,
  ackWaitMs: 1_000,
  handler: async (event) => {
    process.stdout.write(`${event.data.predictionId}\n`);
    if (event.data.predictionId === 'hang') await new Promise(() => {});
  },
});
process.stdout.write('ready\n');
