// Runs the benchmarks: node tests/bench/run.mjs [name …] [--json]; from the root of the repository.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { build } from 'esbuild';

const root = fileURLToPath(new URL('../../', import.meta.url));
const output = join(root, 'node_modules/.cache/rookery-bench');
mkdirSync(output, { recursive: true });
await build({
  entryPoints: ['main', 'bare-fits-worker'].map((name) => join(root, 'tests/bench', `${name}.ts`)),
  outdir: output,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  mainFields: ['module', 'main'],
  absWorkingDir: root,
  logLevel: 'warning',
  // Bundled CommonJS asks for Node's own modules with require.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  external: [
    'esbuild',
    '@grpc/*',
    '@nats-io/*',
    '@opentelemetry/*',
    '@aws-sdk/*',
    'mongodb',
    '@tensorflow/tfjs-node',
    '@tensorflow/tfjs-node-gpu',
    '@tensorflow/tfjs-backend-wasm',
    'onnxruntime-node',
  ],
});
const { main } = await import(pathToFileURL(join(output, 'main.mjs')).href);
process.exit(await main(process.argv.slice(2), root));
