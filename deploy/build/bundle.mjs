// Bundles one service: run in the service's folder, `node ../../deploy/build/bundle.mjs`. Writes dist/main.js, one
// dist/<name>-worker.js for each src/**/<name>-worker.ts, shared chunks, source maps, and the descriptor set that gRPC
// reflection reads. Names given as arguments are the entries instead of main (`bundle.mjs start demo`).
// Options: --minify, --meta (writes dist/meta.json, for a look at what is in the bundle).
import { copyFileSync, existsSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join, resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { build } from 'esbuild';

import { bundleOptions } from './bundle-options.mjs';

const startedAt = performance.now();
const folder = process.cwd();
const source = join(folder, 'src');
const finished = join(folder, 'dist');
// Built beside and then renamed, so that a system that is started meanwhile finds the old files or the new ones.
const output = join(folder, `dist.next-${process.pid}`);
const named = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const mains = (named.length > 0 ? named : ['main']).map((name) => join(source, `${name}.ts`));
const absent = mains.find((file) => !existsSync(file));
if (absent !== undefined) fail(`There is no ${absent}: run this in the folder of a service.`);

const workers = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('-worker.ts'))
  .map((file) => join(source, file));
const entryPoints = Object.fromEntries([...mains, ...workers].map((file) => [basename(file, '.ts'), file]));
if (Object.keys(entryPoints).length !== workers.length + mains.length)
  fail('Two worker files have the same name: they would be one file in dist/.');

rmSync(output, { recursive: true, force: true });
const result = await build({
  ...bundleOptions({ folder, entryPoints, output }),
  minify: process.argv.includes('--minify'),
  minifySyntax: true,
  keepNames: process.argv.includes('--minify'),
  metafile: true,
}).catch(() => {
  rmSync(output, { recursive: true, force: true });
  process.exit(1);
});

const descriptor = descriptorPath();
if (descriptor !== undefined) copyFileSync(descriptor, join(output, 'descriptor.binpb'));
writeFileSync(join(output, 'package.json'), '{ "type": "module" }\n');
if (process.argv.includes('--meta'))
  writeFileSync(join(output, 'meta.json'), JSON.stringify(result.metafile));

rmSync(finished, { recursive: true, force: true });
renameSync(output, finished);

const sizes = Object.keys(entryPoints).map(
  (name) => `${name}.js ${Math.round(statSync(join(finished, `${name}.js`)).size / 1024)} KiB`,
);
process.stdout.write(
  `${basename(folder)}: ${sizes.join(', ')} in ${Math.round(performance.now() - startedAt)} ms\n`,
);

/** Where the generated descriptor set is, or undefined if the service does not use the proto package. */
function descriptorPath() {
  try {
    const path = createRequire(resolve(folder, 'package.json')).resolve('@rookery/proto/descriptor');
    return existsSync(path) ? path : undefined;
  } catch {
    return undefined;
  }
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
