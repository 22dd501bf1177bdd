/** A process that writes until it is killed, printing the id of each write once it is acknowledged. */
import { createRequire } from 'node:module';
import { openStore } from '../src/index.js';

const [directory = '', database = '', kind = ''] = process.argv.slice(2);
const store = await openStore({ directory, database });
const docs = await store.collection<{ _id: string; n: number; body?: string }>('docs');
const acknowledge = (id: string): boolean => process.stdout.write(`${id}\n`);

if (kind === 'modules') {
  const loaded = Object.keys(createRequire(import.meta.url).cache).filter((path) =>
    /node_modules\/mongodb\//.test(path),
  );
  process.stdout.write(JSON.stringify(loaded));
  await store.close();
} else {
  for (let i = 0; ; i++) {
    const _id = `d${String(i).padStart(6, '0')}`;
    if (kind === 'update') {
      await docs.updateOne(
        { _id: 'one' },
        { $inc: { n: 1 }, $set: { body: 'x'.repeat(30_000) } },
        { upsert: true },
      );
      acknowledge(String(i + 1));
    } else if (kind === 'many') {
      const batch = Array.from({ length: 500 }, (_, k) => ({ _id: `${_id}-${k}`, n: k }));
      await docs.insertMany(batch);
      acknowledge(`${_id}-499`);
    } else {
      await docs.insertOne({ _id, n: i, body: kind === 'large' ? 'y'.repeat(3_000_000) : 'y'.repeat(100) });
      acknowledge(_id);
    }
  }
}
