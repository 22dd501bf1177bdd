import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

import { root, run } from './process.mjs';

const isExecutable = (file) => {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

const onPath = (name) =>
  (process.env.PATH ?? '')
    .split(delimiter)
    .filter(Boolean)
    .map((folder) => join(folder, name))
    .find(isExecutable);

function find() {
  const named = process.env.ROOKERY_NATS_SERVER;
  if (named) {
    if (!isExecutable(named))
      throw new Error(`ROOKERY_NATS_SERVER names ${named}, which is not an executable file.`);
    return named;
  }
  const local = join(root, '.rookery/bin/nats-server');
  return (
    onPath('nats-server') ?? ['/usr/sbin/nats-server', '/usr/local/bin/nats-server', local].find(isExecutable)
  );
}

/** Path of a nats-server: the one named by ROOKERY_NATS_SERVER, on the PATH, or installed now by apt or Go. */
export async function findOrInstallNatsServer() {
  const found = find();
  if (found) return found;
  const apt = onPath('apt-get');
  const isRoot = process.getuid?.() === 0;
  const sudo = onPath('sudo');
  if (apt && (isRoot || sudo)) {
    console.error('Installing nats-server with apt-get …');
    const as = isRoot ? [] : [sudo, '-n'];
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const call = (...args) => {
      const [program, ...rest] = [...as, apt, ...args];
      return run(program, rest, { quiet: true, env });
    };
    if ((await call('install', '-y', '--no-install-recommends', 'nats-server')) !== 0) {
      await call('update');
      await call('install', '-y', '--no-install-recommends', 'nats-server');
    }
    const installed = find();
    if (installed) return installed;
  }
  const go = onPath('go');
  if (go) {
    console.error('Building nats-server with go install …');
    const bin = join(root, '.rookery/bin');
    mkdirSync(bin, { recursive: true });
    await run(go, ['install', 'github.com/nats-io/nats-server/v2@v2.14.5'], {
      quiet: true,
      env: { ...process.env, GOBIN: bin },
    });
    if (existsSync(join(bin, 'nats-server'))) return join(bin, 'nats-server');
  }
  throw new Error(
    'nats-server was not found and could not be installed.\n' +
      'Install it (Debian, Ubuntu: apt-get install nats-server), or name one with ROOKERY_NATS_SERVER, ' +
      'or use a server that runs already with ROOKERY_NATS_URL.',
  );
}
