import { RunState } from '@rookery/proto/rookery/registry/v1/registry';
import type { Run, RunChange } from '@rookery/proto/rookery/registry/v1/registry';
import { Command } from 'commander';

import { countOption } from '../number-option.js';
import { output } from '../output.js';
import { shortNumber } from '../progress/step-line.js';
import { jobsTable } from '../run-jobs-table.js';
import { renderTable, shortTime } from '../table.js';
import { withClient } from '../with-client.js';
import { cancelCommand, reproduceCommand, resumeCommand } from './run-control.js';

/** `rookery runs [id]`: runs, newest first, or one in full; with subcommands that resume, cancel and reproduce one. */
export function runsCommand(): Command {
  return (
    new Command('runs')
      .description('List runs, or show one; resume, cancel or reproduce one')
      // Options that follow a subcommand are the subcommand's.
      .enablePositionalOptions()
      .addCommand(resumeCommand())
      .addCommand(cancelCommand())
      .addCommand(reproduceCommand())
      .argument('[run]', 'run id')
      .option('-m, --model <name>', 'only runs of this model')
      .option('--limit <n>', 'how many', '20')
      .option('--json', 'JSON')
      .action(async (runId: string | undefined, flags: { model?: string; limit: string; json?: boolean }) => {
        await withClient(async (client) => {
          if (runId !== undefined) {
            const run = await client.run(runId);
            output(flags.json, run, () => renderRun(run));
            return;
          }
          const runs = await client.runs({
            model: flags.model ?? '',
            limit: countOption('--limit', flags.limit),
          });
          output(flags.json, runs, () =>
            renderTable(
              ['RUN', 'MODEL', 'STATE', 'METRIC', 'MEAN', 'STD', 'VERSION', 'STARTED'],
              runs.map((run) => {
                const metric = run.verdict?.metric ?? '';
                const summary = run.metrics[metric];
                return [
                  run.runId,
                  run.model,
                  stateWord(run.state),
                  metric,
                  summary ? shortNumber(summary.mean) : '–',
                  summary ? shortNumber(summary.std) : '–',
                  run.version === 0 ? '–' : String(run.version),
                  shortTime(run.createdAtMs),
                ];
              }),
            ),
          );
        });
      })
  );
}

/** A run's state as a word. */
export function stateWord(state: RunState): string {
  const name = Object.entries(RunState).find(([, value]) => value === state)?.[0] ?? 'RUN_STATE_UNSPECIFIED';
  return name.replace('RUN_STATE_', '').toLowerCase();
}

function changeLine({ kind, attempt, timeMs, actor, reason, code, message }: RunChange): string {
  const why = code === '' ? reason : `${code}: ${message}`;
  const who = actor === '' ? '' : ` by ${actor}`;
  return `${shortTime(timeMs)}  attempt ${attempt} ${kind}${who}${why === '' ? '' : `: ${why}`}`;
}

function renderRun(run: Run): string {
  const lines = [
    `run       ${run.runId}`,
    `model     ${run.model}${run.version === 0 ? '' : ` version ${run.version}`}`,
    `state     ${stateWord(run.state)}${run.attempt > 1 ? `, attempt ${run.attempt}` : ''}`,
    `data      ${run.plan?.datasetName ?? ''} version ${run.plan?.datasetVersion ?? 0}, ${run.plan?.rows ?? 0} rows, sha256 ${run.plan?.dataset?.sha256 ?? ''}`,
    `plan      ${run.plan?.folds ?? 0} folds, seed ${run.plan?.seed ?? 0}, backend ${run.backend}`,
    ...(run.plan?.plugins ?? []).map(
      ({ name, version, sha256 }) => `plug-in   ${name} ${version}, sha256 ${sha256}`,
    ),
    `trace     ${run.traceId}`,
    `started   ${shortTime(run.createdAtMs)}`,
    `ended     ${shortTime(run.endedAtMs)}`,
    ...(run.publishedToServingMs > 0
      ? [`serving   ${Math.round(run.publishedToServingMs)} ms after publication`]
      : []),
    ...(run.code ? [`error     ${run.code}: ${run.message}`] : []),
    ...run.reasons.map((reason) => `reason    ${reason}`),
    ...run.changes.map((change) => `history   ${changeLine(change)}`),
  ];
  const metrics = Object.entries(run.metrics).map(([name, { mean, std }]) => [
    name,
    shortNumber(mean),
    shortNumber(std),
  ]);
  if (metrics.length > 0) lines.push('', renderTable(['METRIC', 'MEAN', 'STD'], metrics));
  const jobs = jobsTable(run);
  if (jobs !== '') lines.push('', jobs);
  return lines.join('\n');
}
