import { join } from 'node:path';

import { root, run } from './process.mjs';

/** Generates code and bundles the services; takes no time where nothing changed, since turbo keeps the results. */
export async function build() {
  const turbo = join(root, 'node_modules/turbo/bin/turbo');
  const env = {
    ...process.env,
    TURBO_TELEMETRY_DISABLED: '1',
    DO_NOT_TRACK: '1',
    TURBO_NO_UPDATE_NOTIFIER: '1',
  };
  const code = await run(
    process.execPath,
    [turbo, 'run', 'build', '--output-logs=errors-only', '--no-update-notifier'],
    { quiet: true, env },
  );
  if (code !== 0) throw new Error('The build failed: its output is above.');
}
