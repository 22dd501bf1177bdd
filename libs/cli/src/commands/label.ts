import { Command } from 'commander';

import { output } from '../output.js';
import { withClient } from '../with-client.js';

/** `rookery label <model> <prediction id> <label>`: the truth about a prediction. */
export function labelCommand(): Command {
  return new Command('label')
    .description('Tell the truth about a prediction')
    .argument('<model>', 'model name')
    .argument('<prediction>', 'prediction id')
    .argument('<label>', 'the true label, or number; of a multi-label model a|b or ["a","b"], [] for none')
    .option('--json', 'JSON')
    .action(async (model: string, predictionId: string, label: string, flags: { json?: boolean }) => {
      await withClient(async (client) => {
        const accepted = await client.label(model, [{ predictionId, label }]);
        output(flags.json, { accepted }, () => `${accepted} label accepted`);
      });
    });
}
