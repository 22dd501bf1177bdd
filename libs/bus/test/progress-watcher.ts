/** A watcher of progress as a process of its own: says on stdout which epochs it hears of, and when it is connected again. */
import { connectBus } from '../src/index.js';

const [url = ''] = process.argv.slice(2);
const bus = await connectBus({ url, name: `watcher-${process.pid}` });
bus.subscribeProgress('*', ({ epoch }) => process.stdout.write(`epoch ${epoch}\n`));
await bus.nc.flush();
process.stdout.write('ready\n');
for await (const { type } of bus.nc.status())
  if (type === 'disconnect' || type === 'reconnect') process.stdout.write(`${type}\n`);
