import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleProgram } from './support/bundled-program.js';
import type { BundledProgram } from './support/bundled-program.js';

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
  let program: BundledProgram;
  let icd = '';
  beforeAll(async () => {
    program = await bundleProgram(entry);
    icd = join(program.folder, 'driver.json');
    const ICD = { library_path: driver, api_version: '1.0.5' };
    await writeFile(icd, JSON.stringify({ file_format_version: '1.0.0', ICD }));
  });
  afterAll(() => program?.remove());

  it(
    'a network with every kind of layer is fitted as on the processor, within float32',
    { timeout: 120_000 },
    async () => {
      const env = { ...process.env, VK_ICD_FILENAMES: icd, XDG_RUNTIME_DIR: program.folder };
      const { stdout } = await program.run([], env);
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
