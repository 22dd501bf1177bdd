// Writes the documents that come from code (npm run docs). Node 20 reads no TypeScript: esbuild bundles first.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));
// Below node_modules, so that what stays outside the bundle is found.
const outfile = join(root, 'node_modules/.cache/rookery-documents.mjs');
mkdirSync(join(root, 'node_modules/.cache'), { recursive: true });
await build({
  entryPoints: [join(root, 'tests/docs/documents.ts')],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  external: ['@grpc/*', '@nats-io/*', '@opentelemetry/*', 'mongodb', '@aws-sdk/*', 'pino', 'zod'],
  banner: { js: "import { createRequire as r } from 'node:module'; const require = r(import.meta.url);" },
  logLevel: 'warning',
});
const { documents } = await import(pathToFileURL(outfile).href);
for (const [path, render] of Object.entries(documents)) {
  writeFileSync(join(root, path), render());
  process.stdout.write(`${path}\n`);
}
