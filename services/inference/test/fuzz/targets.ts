import { trace } from '@opentelemetry/api';
import { toRookeryError } from '@rookery/contracts';
import { noPlugins } from '@rookery/plugin';
import { ModelPackage } from '@rookery/proto/rookery/artifacts/v1/artifacts';

import { createPackageLoader } from '../../src/adapters/package-loader.js';
import type { Promotion } from '../../src/domain/promotion.js';
import { trainPackage } from '../support/model-packages.js';

let content: Uint8Array = new Uint8Array();
const load = createPackageLoader({
  plugins: noPlugins(),
  artifacts: { get: async () => content },
  backend: 'cpu',
  clock: Date.now,
  tracer: trace.getTracer('fuzz'),
});
const promotion: Promotion = {
  model: 'fuzz',
  version: 1,
  aliasRevision: 1,
  runId: 'run',
  package: { sha256: '0'.repeat(64), bytes: 1, mediaType: '' },
  requestedAtMs: 0,
};

async function judge(input: Uint8Array): Promise<string> {
  content = input;
  try {
    (await load(promotion)).dispose();
    return 'ok';
  } catch (error) {
    const { code } = toRookeryError(error);
    if (code === 'RK_HANDLER_FAILED') throw error;
    return code;
  }
}

/** A package with some texts changed: damage behind the checksum, which bytes changed at random rarely reach. */
const seeds = async (): Promise<Uint8Array[]> => {
  const { pack } = await trainPackage({ model: 'fuzz', epochs: 1 });
  const variants: ModelPackage[] = [pack];
  const withTexts = (changes: Partial<ModelPackage>): void => void variants.push({ ...pack, ...changes });
  withTexts({ transformerJson: '{}' });
  withTexts({ transformerJson: 'null' });
  withTexts({ transformerJson: pack.transformerJson.replaceAll(/\d+/g, '1e9') });
  withTexts({ transformerJson: pack.transformerJson.replaceAll(/"kind":"[a-z_]+"/g, '"kind":"__proto__"') });
  withTexts({ targetJson: '[]' });
  withTexts({ golden: [] });
  withTexts({ inputExample: { values: {} } });
  if (pack.trained !== undefined) {
    const { trained } = pack;
    const layers = (text: string): void => withTexts({ trained: { ...trained, topologyJson: text } });
    layers('{}');
    layers(trained.topologyJson.replaceAll(/"units":\d+/g, '"units":100000000'));
    layers(trained.topologyJson.replaceAll('"Dense"', '"Lambda"'));
    layers(trained.topologyJson.replaceAll('Sequential', 'Functional'));
    withTexts({ trained: { ...trained, weights: trained.weights.subarray(0, 3) } });
    withTexts({ trained: { ...trained, spec: {} } });
    withTexts({
      trained: {
        ...trained,
        weightSpecs: trained.weightSpecs.map((one) => ({ ...one, shape: [2 ** 31, 2 ** 31] })),
      },
    });
  }
  return variants.map((one) => ModelPackage.encode(one).finish());
};

/** The loader of model packages, as a target of tests/fuzz. */
export const targets = [{ name: 'model package', kind: 'binary' as const, seeds, run: judge }];
