// Runs the prediction benchmark alone, from the root of the repository: node tests/bench/run-predict.mjs [--json]
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = process.cwd();
const output = join(root, 'node_modules/.cache/rookery-bench/predict-tmp.mjs');
mkdirSync(join(output, '..'), { recursive: true });
await build({
  entryPoints: [join(root, 'tests/bench/predict-tmp.ts')],
  outfile: output,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  mainFields: ['module', 'main'],
  absWorkingDir: root,
  logLevel: 'warning',
  external: ['esbuild', '@grpc/*', '@tensorflow/*', '@nats-io/*', '@opentelemetry/*', '@aws-sdk/*'],
});
const { benchPredict } = await import(pathToFileURL(output).href);
const cases = await benchPredict({ root, concurrencies: [16,64], repetitions: 9, durationMs: 1000, log: (line) => process.stderr.write(`${line}\n`) });
if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify({ name: 'predict', cases })}\n`);
else for (const one of cases) process.stdout.write(`${one.case}: ${one.value} ${one.unit}; ${one.reference.name} ${one.reference.value}; ratio ${one.ratio}${one.extra ? ` ${JSON.stringify(one.extra)}` : ''}\n`);
