import { Command } from 'commander';

import { countOption } from '../number-option.js';
import { output } from '../output.js';
import { renderTable, shortTime } from '../table.js';
import { withClient } from '../with-client.js';

/** `rookery datasets`: data sets and rejected requests, newest first. */
export function datasetsCommand(): Command {
  return new Command('datasets')
    .description('List data sets and rejected requests')
    .argument('[name]', 'only this data set')
    .option('--limit <n>', 'how many', '20')
    .option('--json', 'JSON')
    .action(async (name: string | undefined, flags: { limit: string; json?: boolean }) => {
      await withClient(async (client) => {
        const datasets = await client.datasets({
          name: name ?? '',
          limit: countOption('--limit', flags.limit),
        });
        output(flags.json, datasets, () =>
          renderTable(
            ['NAME', 'VERSION', 'STATE', 'ROWS', 'COLUMNS', 'CREATED', 'REASON'],
            datasets.map((item) => [
              item.name,
              item.version,
              item.state,
              item.rows,
              item.columns.length,
              shortTime(item.createdAtMs),
              item.code ? `${item.code}: ${item.message}` : '',
            ]),
          ),
        );
      });
    });
}
