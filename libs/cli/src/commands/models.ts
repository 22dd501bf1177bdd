import { Command } from 'commander';

import { countOption } from '../number-option.js';
import { output } from '../output.js';
import { shortNumber } from '../progress/step-line.js';
import { renderTable, shortTime } from '../table.js';
import { withClient } from '../with-client.js';

/** `rookery models [name]`: models, or the versions of one; with subcommands for aliases. */
export function modelsCommand(): Command {
  const command = new Command('models')
    .description('List models, or the versions of one')
    // Options that follow a subcommand are the subcommand's.
    .enablePositionalOptions()
    .argument('[model]', 'model name')
    .option('--json', 'JSON')
    .action(async (name: string | undefined, flags: { json?: boolean }) => {
      await withClient(async (client) => {
        if (name === undefined) {
          const models = await client.models();
          output(flags.json, models, () =>
            renderTable(
              ['MODEL', 'VERSIONS', 'CHAMPION', 'ALIASES', 'UPDATED'],
              models.map((model) => [
                model.name,
                model.versions,
                model.aliases.find(({ alias }) => alias === 'champion')?.version ?? '–',
                model.aliases.map(({ alias, version }) => `${alias}→${version}`).join(' '),
                shortTime(model.updatedAtMs),
              ]),
            ),
          );
          return;
        }
        const { model, versions } = await client.model(name);
        output(flags.json, { model, versions }, () =>
          renderTable(
            ['VERSION', 'ALIASES', 'RUN', 'METRICS', 'PLUG-INS', 'CREATED'],
            versions.map((version) => [
              version.version,
              version.aliases.join(' '),
              version.runId,
              Object.entries(version.metrics)
                .slice(0, 3)
                .map(([metric, { mean, std }]) => `${metric} ${shortNumber(mean)} ± ${shortNumber(std)}`)
                .join(', '),
              (version.lineage?.plugins ?? [])
                .map((plugin) => `${plugin.name} ${plugin.version} (${plugin.sha256.slice(0, 12)})`)
                .join(', ') || '–',
              shortTime(version.createdAtMs),
            ]),
          ),
        );
      });
    });
  command
    .command('history')
    .description('Show how an alias moved')
    .argument('<model>')
    .argument('[alias]', 'alias', 'champion')
    .option('--json', 'JSON')
    .action(async (model: string, alias: string, flags: { json?: boolean }) => {
      await withClient(async (client) => {
        const changes = await client.aliasHistory(model, alias);
        output(flags.json, changes, () =>
          renderTable(
            ['REVISION', 'VERSION', 'BEFORE', 'BY', 'WHEN', 'WHY'],
            changes.map((change) => [
              change.revision,
              change.version,
              change.previousVersion,
              change.actor,
              shortTime(change.timeMs),
              change.reasons.join(' '),
            ]),
          ),
        );
      });
    });
  command
    .command('rollback')
    .description('Move champion back to the version before, or to one named')
    .argument('<model>')
    .option('--to <version>', 'version', '0')
    .option('--reason <text>', 'why', 'asked for on the command line')
    .option('--json', 'JSON')
    .action(async (model: string, flags: { to: string; reason: string; json?: boolean }) => {
      await withClient(async (client) => {
        const result = await client.rollBack({
          model,
          toVersion: countOption('--to', flags.to),
          actor: 'cli',
          reason: flags.reason,
        });
        output(
          flags.json,
          result,
          () =>
            `${model}: champion is version ${result.alias?.version ?? 0} again; it was ${result.previousVersion}`,
        );
      });
    });
  command
    .command('promote')
    .description('Point an alias at a version, if nobody moved it meanwhile')
    .argument('<model>')
    .argument('<version>')
    .option('--alias <alias>', 'alias', 'champion')
    .option('--reason <text>', 'why', 'asked for on the command line')
    .option('--json', 'JSON')
    .action(
      async (name: string, version: string, flags: { alias: string; reason: string; json?: boolean }) => {
        await withClient(async (client) => {
          const { model } = await client.model(name);
          const expectedRevision = model.aliases.find(({ alias }) => alias === flags.alias)?.revision ?? 0;
          const alias = await client.setAlias({
            model: name,
            alias: flags.alias,
            version: countOption('<version>', version),
            expectedRevision,
            actor: 'cli',
            reason: flags.reason,
          });
          output(
            flags.json,
            alias,
            () => `${name}: ${alias.alias} is version ${alias.version} (revision ${alias.revision})`,
          );
        });
      },
    );
  return command;
}
