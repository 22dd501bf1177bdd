// How a service is bundled; the same for the build that is run and for those that tests break on purpose.

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

/** Options of esbuild for the entries (by name) of a service's folder. */
export function bundleOptions({ folder, entryPoints, output }) {
  return {
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
    legalComments: 'none',
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
  };
}
