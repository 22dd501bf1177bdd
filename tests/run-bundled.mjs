import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { build } from 'esbuild';

/** Packages that read files of their own, are native or optional, or are needed by the code that is run to bundle again. */
const external = [
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
];

/**
 * Bundles entries of a folder of tests/ (and `more`: output name → file, where code of a package is run from outside), calls `main(args, root)` of its main.ts with the arguments of this process, and
 * ends with the exit code that it resolves to.
 */
export async function runBundled(folder, entries = ['main'], more = {}) {
  const root = fileURLToPath(new URL('../', import.meta.url));
  const output = join(root, 'node_modules/.cache', `rookery-${folder}`);
  mkdirSync(output, { recursive: true });
  await build({
    entryPoints: [
      ...entries.map((name) => ({ in: join(root, 'tests', folder, `${name}.ts`), out: name })),
      ...Object.entries(more).map(([out, file]) => ({ in: join(root, file), out })),
    ],
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
    external,
  });
  const { main } = await import(pathToFileURL(join(output, 'main.mjs')).href);
  process.exit(await main(process.argv.slice(2), root));
}
