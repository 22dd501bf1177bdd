import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { Command } from 'commander';

/** `rookery up`: the whole system in the foreground, until Ctrl-C. */
export function upCommand(): Command {
  return new Command('up').description('Start the whole system here, until Ctrl-C').action(async () => {
    const launcher = fileURLToPath(new URL('../../../deploy/dist/start.js', import.meta.url));
    if (!existsSync(launcher)) throw new Error('The launcher is not built. Run: npm run build');
    // The channel tells the launcher when this process is gone, however it went.
    const child = spawn(process.execPath, ['--enable-source-maps', launcher], {
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    });
    // A terminal sends Ctrl-C to the launcher as well; it stops the system in order.
    process.on('SIGINT', () => undefined);
    process.on('SIGTERM', () => child.kill('SIGTERM'));
    process.exitCode = await new Promise<number>((resolve) =>
      child.once('exit', (code) => {
        resolve(code ?? 1);
      }),
    );
  });
}
