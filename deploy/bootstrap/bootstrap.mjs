// Takes a fresh clone to a running command: checks Node, installs, finds nats-server, builds, then hands over.
// Plain JavaScript without dependencies, since nothing is installed yet when it starts.
import { installDependencies } from './dependencies.mjs';
import { build } from './build.mjs';
import { findOrInstallNatsServer } from './nats-server.mjs';
import { runTests } from './tests.mjs';
import { run } from './process.mjs';

const [command = 'start', ...args] = process.argv.slice(2);

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(
    `Rookery needs Node 20.19 or newer; this is ${process.versions.node}. Install a newer Node and try again.`,
  );
  process.exit(78);
}

try {
  await installDependencies();
  const natsServer = process.env.ROOKERY_NATS_URL ? undefined : await findOrInstallNatsServer();
  const env = { ...process.env, ...(natsServer ? { ROOKERY_NATS_SERVER: natsServer } : {}) };
  await build();
  const node = (script, ...more) =>
    run(process.execPath, ['--enable-source-maps', script, ...more], { env, foreground: true });
  switch (command) {
    case 'start':
      process.exit(await node('deploy/dist/start.js', ...args));
      break;
    case 'demo':
      process.exit(await node('deploy/dist/demo.js', ...args));
      break;
    case 'example':
      process.exit(await node('deploy/dist/example.js', ...args));
      break;
    case 'bench':
      process.exit(await node('tests/bench/run.mjs', ...args));
      break;
    case 'chaos':
    case 'differential':
    case 'fuzz':
    case 'load':
    case 'soak':
      process.exit(await node(`tests/${command}/run.mjs`, ...args));
      break;
    case 'test':
      process.exit(await runTests(args, env));
      break;
    default:
      console.error(
        `There is no command ${command}. Commands: start, demo, example, test, bench, chaos, differential, fuzz, load, soak.`,
      );
      process.exit(64);
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
