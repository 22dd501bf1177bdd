// npm run example -- <name>: publishes a worked example, follows it to a served model, and shows its scores beside others'.
import { exampleNames, readExample } from './example/read-example.js';
import { runExample } from './example/run-example.js';
import { repositoryRoot } from './repository-root.js';
import { runOnSystem, systemFlags } from './run-on-system.js';

const args = process.argv.slice(2);
const flags = new Set(args.filter((argument) => argument.startsWith('--')));
const [name, more] = args.filter((argument) => !argument.startsWith('--'));
const unknown = [...flags].find((flag) => !systemFlags.includes(flag));
if (unknown !== undefined || name === undefined || more !== undefined) {
  const names = exampleNames(repositoryRoot).join(' | ');
  console.error(`Usage: npm run example -- ${names} [--exit] [--json]`);
  process.exit(64);
}
await runOnSystem(flags, () => {
  const example = readExample(repositoryRoot, name);
  return {
    name: 'example',
    title: example.title,
    run: (system, stream) => runExample(example, { ...system, root: repositoryRoot, stream }),
  };
});
