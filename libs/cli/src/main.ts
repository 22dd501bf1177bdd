import { Command } from 'commander';

import { certsCommand } from './commands/certs.js';
import { datasetsCommand } from './commands/datasets.js';
import { dlqCommand } from './commands/dlq.js';
import { doctorCommand } from './commands/doctor.js';
import { labelCommand } from './commands/label.js';
import { modelsCommand } from './commands/models.js';
import { monitorCommand } from './commands/monitor.js';
import { natsCommand } from './commands/nats.js';
import { pluginsCommand } from './commands/plugins.js';
import { predictCommand } from './commands/predict.js';
import { publishCommand } from './commands/publish.js';
import { runsCommand } from './commands/runs.js';
import { schemaCommand } from './commands/schema.js';
import { searchCommand } from './commands/search.js';
import { tokensCommand } from './commands/tokens.js';
import { upCommand } from './commands/up.js';
import { reportFailure } from './report-failure.js';

const program = new Command('rookery')
  .description('One event in, a served and watched model out.')
  .version('0.1.0')
  .option(
    '--token-file <file>',
    'file with the token to show to the services; default ROOKERY_TOKEN_FILE or ROOKERY_TOKEN',
  )
  .hook('preAction', (main) => {
    const { tokenFile } = main.opts<{ tokenFile?: string }>();
    if (tokenFile !== undefined) process.env['ROOKERY_TOKEN_FILE'] = tokenFile;
  })
  // Options that follow a command are the command's; needed here too where a command has commands of its own.
  .enablePositionalOptions()
  .showHelpAfterError('(rookery --help lists the commands)');

for (const command of [
  upCommand(),
  publishCommand(),
  datasetsCommand(),
  runsCommand(),
  searchCommand(),
  modelsCommand(),
  pluginsCommand(),
  predictCommand(),
  labelCommand(),
  monitorCommand(),
  dlqCommand(),
  doctorCommand(),
  schemaCommand(),
  tokensCommand(),
  certsCommand(),
  natsCommand(),
]) {
  program.addCommand(command);
}

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = reportFailure(error);
}
