import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The repository's root. */
export const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Runs a program in the repository's root and resolves to its exit code. Its output is passed on; with `quiet` it is
 * kept and shown only if the program fails. With `foreground` a Ctrl-C is left to the program to handle.
 */
export function run(
  program,
  args,
  { env = process.env, quiet = false, foreground = false, cwd = root } = {},
) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env, stdio: quiet ? ['ignore', 'pipe', 'pipe'] : 'inherit' });
    const output = [];
    child.stdout?.on('data', (chunk) => output.push(chunk));
    child.stderr?.on('data', (chunk) => output.push(chunk));
    const forward = (signal) => child.kill(signal);
    // A terminal sends Ctrl-C to the whole group already: passing it on again would count as a second one.
    const ignore = () => undefined;
    if (foreground) {
      process.on('SIGINT', ignore);
      process.on('SIGTERM', forward);
    }
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      process.off('SIGINT', ignore);
      process.off('SIGTERM', forward);
      if (quiet && code !== 0) process.stderr.write(Buffer.concat(output));
      resolve(code ?? (signal === 'SIGINT' ? 130 : 1));
    });
  });
}
