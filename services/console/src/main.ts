import { runService } from '@rookery/service-kit';

import { config } from './config.js';
import { startConsole } from './start.js';

/*
 * Watches all events and live progress; publishes nothing. Serves the web console and its API on ROOKERY_CONSOLE_PORT.
 * Keeps nothing: what it shows belongs to the other services.
 */
await runService({
  name: 'console',
  config,
  uses: { store: false, artifacts: false, grpc: false },
  start: startConsole,
});
