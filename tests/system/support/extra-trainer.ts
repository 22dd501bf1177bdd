import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';

import { checkHealth } from '@rookery/service-kit/client';
import { freePort } from '@rookery/deploy/embedded';

import { repositoryRoot } from './test-system.js';
import type { TestSystem } from './test-system.js';
import { eventually } from './waiting.js';

/** A trainer process that the test starts, stops and kills itself. */
export interface ExtraTrainer {
  readonly pid: number;
  signal(name: NodeJS.Signals): void;
  /** Ends it in good order; does nothing where it was killed. */
  stop(): Promise<void>;
}

/** Starts a trainer with one worker thread beside a running system, and resolves when it is ready. */
export async function startTrainer(
  world: TestSystem,
  env: Readonly<Record<string, string>>,
): Promise<ExtraTrainer> {
  const port = await freePort();
  const script = join(repositoryRoot, 'services/trainer/dist/main.js');
  const child = spawn(process.execPath, ['--enable-source-maps', script], {
    env: {
      ...process.env,
      // The launcher's own: a service would refuse it.
      ROOKERY_NATS_SERVER: undefined,
      ...env,
      ROOKERY_NATS_URL: world.system.natsUrl,
      ROOKERY_DATA_DIR: world.system.dataDir,
      ROOKERY_TRAINER_PORT: String(port),
      ROOKERY_TRAINER_WORKERS: '1',
      ROOKERY_STOP_ON_PARENT_EXIT: 'true',
    },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const log = createWriteStream(join(world.system.dataDir, `logs/trainer-${child.pid}.log`));
  child.stdout?.pipe(log);
  child.stderr?.pipe(log);
  const exited = once(child, 'exit');
  const { pid } = child;
  if (pid === undefined) throw new Error('the trainer could not be started');
  await eventually(
    async () => ((await checkHealth(`127.0.0.1:${port}`, '', 1_000)).status === 'SERVING' ? true : undefined),
    'the trainer is ready',
    60_000,
  );
  return {
    pid,
    signal: (name) => void child.kill(name),
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        child.kill('SIGCONT');
      }
      await exited;
    },
  };
}
