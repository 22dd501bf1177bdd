// Builds services that are broken on purpose, beside the real ones: no code that is shipped knows a switch for it.
// node tests/chaos/broken-build.mjs <break> <output>; from the root of the repository.
import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';

import { build } from 'esbuild';

import { bundleOptions } from '@rookery/deploy/bundle-options';

/** For each break: the services that have it, and which imports of which file another file takes the place of. */
const breaks = {
  'dedupe-off': {
    services: ['registry'],
    importers: ['services/registry/src/application/decide-run.ts'],
    imports: ['./pending-facts.js', '../domain/run-state.js'],
    by: 'services/registry/test/breaks/dedupe-off.ts',
  },
  'ack-before-save': {
    services: ['transform', 'trainer', 'evaluator'],
    importers: ['libs/bus/src/consumption.ts'],
    imports: ['./dispatcher.js'],
    by: 'libs/bus/test/breaks/ack-before-save.ts',
  },
  'alias-without-cas': {
    services: ['registry'],
    importers: [
      'services/registry/src/application/register-run.ts',
      'services/registry/src/application/move-alias.ts',
    ],
    imports: ['./model-write.js'],
    by: 'services/registry/test/breaks/alias-without-cas.ts',
  },
};

const [name = '', output = ''] = process.argv.slice(2);
const root = resolve(import.meta.dirname, '../..');
const broken = breaks[name];
if (broken === undefined || output === '') {
  console.error(`node tests/chaos/broken-build.mjs ${Object.keys(breaks).join(' | ')} <folder>`);
  process.exit(64);
}

const importers = new Set(broken.importers.map((file) => join(root, file)));
await Promise.all(
  broken.services.map(async (service) => {
    const replaced = new Set();
    const folder = join(root, 'services', service);
    const dist = join(output, service, 'dist');
    const entries = readdirSync(join(folder, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file === 'main.ts' || file.endsWith('-worker.ts'))
      .map((file) => [basename(file, '.ts'), join(folder, 'src', file)]);
    await build({
      ...bundleOptions({ folder, entryPoints: Object.fromEntries(entries), output: dist }),
      plugins: [
        {
          name: 'break',
          setup(steps) {
            steps.onResolve({ filter: /^\.{1,2}\// }, ({ importer, path }) => {
              if (!importers.has(importer) || !broken.imports.includes(path)) return undefined;
              replaced.add(`${importer} ${path}`);
              return { path: join(root, broken.by) };
            });
          },
        },
      ],
    });
    if (replaced.size !== importers.size * broken.imports.length) {
      throw new Error(
        `${name}: not all of ${broken.imports.join(', ')} are imported any more; mend the table`,
      );
    }
    mkdirSync(dist, { recursive: true });
    copyFileSync(join(root, 'services', service, 'dist/descriptor.binpb'), join(dist, 'descriptor.binpb'));
    writeFileSync(join(dist, 'package.json'), '{ "type": "module" }\n');
  }),
);
