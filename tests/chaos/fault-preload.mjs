// Loaded into every service of the chaos suite before its own code: shifts its clock and fills its disk as the file
// CHAOS_FAULTS/<service>.json says, from the moment it says so. No service knows of it.
import { watch } from 'node:fs';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';

const folder = process.env.CHAOS_FAULTS;
const service = /([\w-]+)\/dist\/[^/]+$/.exec(process.argv[1] ?? '')?.[1];

if (folder !== undefined && service !== undefined) {
  const file = `${service}.json`;
  const { readFileSync } = fs;
  let faults = {};
  const read = () => {
    try {
      faults = JSON.parse(readFileSync(join(folder, file), 'utf8'));
    } catch {
      // Nothing has been done to it yet.
    }
  };
  read();
  watch(folder, { persistent: false }, (_, name) => {
    if (name === file) read();
  });

  const RealDate = Date;
  const realNow = Date.now.bind(Date);
  RealDate.now = () => realNow() + (faults.clockMs ?? 0);
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, values, newTarget) =>
      Reflect.construct(target, values.length === 0 ? [RealDate.now()] : values, newTarget),
  });

  // Tells the lives of a process apart in its log by a clock that no fault moves.
  if (isMainThread)
    process.stdout.write(`${JSON.stringify({ chaosLife: process.pid, realMs: realNow() })}\n`);

  const kept = join(process.env.ROOKERY_DATA_DIR ?? '.rookery', 'store');
  const isFull = (path) => faults.diskFull === true && String(path).startsWith(kept);
  const noSpace = (path) =>
    Object.assign(new Error(`ENOSPC: no space left on device, write '${path}'`), {
      errno: -28,
      code: 'ENOSPC',
      syscall: 'write',
      path,
    });
  for (const name of ['appendFile', 'writeFile']) {
    const real = fs.promises[name];
    fs.promises[name] = async (path, data, options) => {
      if (!isFull(path)) return real(path, data, options);
      // A disk fills up in the middle of a write: what fitted is there, and it is torn.
      const bytes = Buffer.from(data);
      await real(path, bytes.subarray(0, Math.floor(bytes.length / 2)), options);
      throw noSpace(path);
    };
  }
  const { createWriteStream } = fs;
  fs.createWriteStream = (path, options) => {
    const stream = createWriteStream(path, options);
    if (isFull(path)) {
      stream._write = (_chunk, _encoding, done) => done(noSpace(path));
      stream._writev = (_chunks, done) => done(noSpace(path));
    }
    return stream;
  };
  syncBuiltinESMExports();
}
