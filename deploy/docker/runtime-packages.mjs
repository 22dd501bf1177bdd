// Copies the packages that a bundle keeps external, with everything they need, out of an installed node_modules:
//   node deploy/docker/runtime-packages.mjs <services/x/dist/meta.json> <target folder>   copies
//   node deploy/docker/runtime-packages.mjs <services/x/dist/meta.json>                   prints them as JSON
// So an image holds exactly the versions of package-lock.json, and nothing a bundle already contains. Refuses, with exit
// code 1, an external package that is not installed, unless it is one of `optional`.
import { cpSync, existsSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Packages that a bundle asks for at run time and does without. */
const optional = new Set([
  '@tensorflow/tfjs-node',
  '@tensorflow/tfjs-node-gpu',
  'onnxruntime-node',
  'encoding', // node-fetch, within TensorFlow.js, tries to load it
]);

const [metaFile, target] = process.argv.slice(2);
if (metaFile === undefined) fail('Name the meta.json that bundle.mjs --meta wrote.');

const meta = JSON.parse(readFileSync(metaFile, 'utf8'));
const imported = Object.values(meta.outputs).flatMap((output) => output.imports);
const wanted = new Set(
  imported
    .filter((item) => item.external === true && !item.path.startsWith('node:'))
    .map((item) => packageOf(item.path))
    .filter((name) => !builtinModules.includes(name)),
);

const found = new Map();
for (const name of wanted) {
  const folder = installed(name, root);
  if (folder !== undefined) take(folder);
  else if (!optional.has(name)) fail(`${name} is external to the bundle and not installed.`);
}
const folders = [...found.keys()].map((folder) => relative(root, folder)).sort();

if (target === undefined) process.stdout.write(`${JSON.stringify(folders)}\n`);
else {
  for (const folder of folders) {
    cpSync(join(root, folder), join(target, folder), {
      recursive: true,
      // Packages below it are copied if they are needed themselves.
      filter: (source) => !relative(join(root, folder), source).split(sep).includes('node_modules'),
    });
  }
  process.stdout.write(`${folders.length} packages for ${[...wanted].sort().join(', ')}\n`);
}

function packageOf(specifier) {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** Folder of a package as Node resolves it from `from`; undefined where it is not installed. */
function installed(name, from) {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return candidate;
    if (join(folder, sep) === root || folder === dirname(folder)) return undefined;
  }
}

/** Takes a package and its dependencies; peers and optional ones where they are installed. */
function take(folder) {
  if (found.has(folder)) return;
  found.set(folder, true);
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  for (const name of Object.keys(manifest.dependencies ?? {})) {
    const next = installed(name, folder);
    if (next !== undefined) take(next);
    else if (manifest.optionalDependencies?.[name] === undefined)
      fail(`${manifest.name} needs ${name}, which is not installed.`);
  }
  const perhaps = { ...manifest.optionalDependencies, ...required(manifest) };
  for (const name of Object.keys(perhaps)) {
    const next = installed(name, folder);
    if (next !== undefined) take(next);
  }
}

function required(manifest) {
  const peers = Object.entries(manifest.peerDependencies ?? {});
  return Object.fromEntries(
    peers.filter(([name]) => manifest.peerDependenciesMeta?.[name]?.optional !== true),
  );
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
