import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);

/** A Vulkan driver that computes in software: WebGPU without a graphics card. Chromium brings one (SwiftShader). */
const driver = [
  '/usr/lib/chromium/libvk_swiftshader.so',
  '/usr/lib/chromium-browser/libvk_swiftshader.so',
].find((path) => existsSync(path));
if (driver === undefined)
  console.log('WebGPU is not tried: there is no software driver for Vulkan (apt-get install chromium)');

const entry = `
  import { engineVersion, releaseOnnxSessions, train, useOnnxProviders, validateSpec } from '@rookery/nn';
  const [rows, width] = [150, 4];
  const features = Float32Array.from({ length: rows * width }, (_, i) => Math.sin(i * 12.9898) * 2);
  const targets = Int32Array.from({ length: rows }, (_, row) => (features[row * 4] > 0.5 ? 0 : features[row * 4 + 1] > 0 ? 1 : 2));
  const context = { task: 'classification', inputs: width, outputs: 3 };
  const layers = [{ units: 12, activation: 'gelu' }, { type: 'batch_norm' }, { type: 'dropout', rate: 0.2 },
    { type: 'residual', layers: [{ units: 12 }, { type: 'layer_norm' }] }, { units: 8, activation: 'tanh' }, {}];
  const results = {};
  for (const provider of ['cpu', 'webgpu']) {
    useOnnxProviders([provider]);
    for (const optimizer of ['sgd', 'adam']) {
      const spec = validateSpec({ layers, optimizer, epochs: 3, validationSplit: 0.2 }, context);
      const { model, history } = await train({ spec, features, targets, rows, width, engine: 'onnx', seed: 7 });
      const weights = [...new Float32Array(model.weights.slice().buffer)];
      results[provider + ' ' + optimizer] = { version: engineVersion('onnx'), history, weights };
    }
    await releaseOnnxSessions();
  }
  console.log(JSON.stringify(results));`;

interface Fit {
  version: string;
  history: { loss: number[]; valLoss: number[] };
  weights: number[];
}

describe.skipIf(driver === undefined)('on WebGPU, in software', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rookery-webgpu-'));
    const root = fileURLToPath(new URL('../../../', import.meta.url));
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
    const icd = { file_format_version: '1.0.0', ICD: { library_path: driver, api_version: '1.0.5' } };
    await writeFile(join(folder, 'driver.json'), JSON.stringify(icd));
    await build({
      stdin: { contents: entry, resolveDir: fileURLToPath(new URL('.', import.meta.url)), loader: 'js' },
      bundle: true,
      platform: 'node',
      format: 'esm',
      external: ['@tensorflow/*', 'onnxruntime-node'],
      outfile: join(folder, 'main.mjs'),
    });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it(
    'a network with every kind of layer is fitted as on the processor, within float32',
    { timeout: 120_000 },
    async () => {
      const env = { ...process.env, VK_ICD_FILENAMES: join(folder, 'driver.json'), XDG_RUNTIME_DIR: folder };
      const { stdout } = await run(process.execPath, [join(folder, 'main.mjs')], { env, maxBuffer: 2 ** 26 });
      const fits = JSON.parse(stdout) as Record<string, Fit>;
      for (const optimizer of ['sgd', 'adam']) {
        const [cpu, gpu] = [fits[`cpu ${optimizer}`]!, fits[`webgpu ${optimizer}`]!];
        expect(cpu.version).toMatch(/onnxruntime [\d.]+$/);
        expect(gpu.version).toMatch(/ on webgpu$/);
        expect(gpu.weights).toHaveLength(cpu.weights.length);
        for (const [i, weight] of gpu.weights.entries()) expect(weight).toBeCloseTo(cpu.weights[i]!, 3);
        for (const curve of ['loss', 'valLoss'] as const)
          for (const [epoch, value] of gpu.history[curve].entries())
            expect(value).toBeCloseTo(cpu.history[curve][epoch]!, 4);
      }
    },
  );
});
