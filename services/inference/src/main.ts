import { runService } from '@rookery/service-kit';

import { config } from './config.js';
import { startInference } from './start.js';

// Needs neither a database nor the registry: the last promotion of each model is in the stream.
await runService({ name: 'inference', config, uses: { store: false }, start: startInference });
