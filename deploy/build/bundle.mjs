// Bundles one service: run in the service's folder, `node ../../deploy/build/bundle.mjs`. Writes dist/main.js, one
// dist/<name>-worker.js for each src/**/<name>-worker.ts, shared chunks, source maps, and the descriptor set that gRPC
// reflection reads. Names given as arguments are the entries instead of main (`bundle.mjs start demo`).
// Options: --minify, --meta (writes dist/meta.json, for a look at what is in the bundle).
import { copyFileSync, existsSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join, resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { build } from 'esbuild';

/**
 * Packages that stay outside, to be found in node_modules at run time: they read files of their own beside their code,
 * are native, or are optional and may not be installed.
 */
const external = [
  '@grpc/reflection', // reads its .proto files
  '@grpc/proto-loader', // shared with the former; loaded together with it, on the first reflection request
  'mongodb', // requires optional native packages by name
  '@aws-sdk/*', // large, loads credential providers by name
  '@tensorflow/tfjs-node',
  '@tensorflow/tfjs-node-gpu',
  '@tensorflow/tfjs-backend-wasm', // reads its .wasm files
  'onnxruntime-node',
];

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
  entryPoints,
  outdir: output,
  absWorkingDir: folder,
  bundle: true,
  // Dynamic imports become files of their own, so that what is rarely used is not even read at start.
  splitting: true,
  chunkNames: '[name]-[hash]',
  format: 'esm',
  platform: 'node',
  target: 'node20',
  // ES modules first: they can be tree-shaken, and load faster than wrapped CommonJS.
  mainFields: ['module', 'main'],
  sourcemap: 'linked',
  sourcesContent: false,
  minify: process.argv.includes('--minify'),
  minifySyntax: true,
  keepNames: process.argv.includes('--minify'),
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
  loader: { '.binpb': 'binary' },
  external,
  // Bundled CommonJS asks for Node's own modules with require, and some of it for the folder it lies in.
  banner: {
    js: [
      "import { createRequire as __createRequire } from 'node:module';",
      "import { dirname as __dirnameOf } from 'node:path';",
      "import { fileURLToPath as __fileURLToPath } from 'node:url';",
      'const require = __createRequire(import.meta.url);',
      'const __filename = __fileURLToPath(import.meta.url);',
      'const __dirname = __dirnameOf(__filename);',
    ].join('\n'),
  },
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
