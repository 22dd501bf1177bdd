import { userInfo } from 'node:os';

import type { Reproduction } from '@rookery/proto/rookery/registry/v1/registry';
import { Command } from 'commander';

import { output } from '../output.js';
import { plainOutcome } from '../plain-outcome.js';
import { ProgressView } from '../progress/progress-view.js';
import { exitCodes } from '../report-failure.js';
import { renderTable } from '../table.js';
import { withClient } from '../with-client.js';

/** `rookery runs resume <id>`: lets a failed run go on. */
export function resumeCommand(): Command {
  return new Command('resume')
    .description('Let a failed run go on: only what is missing is done again')
    .argument('<run>', 'run id')
    .option('--reason <text>', 'why', '')
    .option('--wait', 'follow it to its end; exit code 1 unless its model is served')
    .option('--json', 'JSON; progress goes to stderr')
    .action(async (runId: string, flags: { reason: string; wait?: boolean; json?: boolean }) => {
      await withClient(async (client) => {
        const view = new ProgressView(process.stderr);
        const watch = flags.wait ? await client.followRun(runId, view.onStep) : undefined;
        try {
          const run = await client.runControl.resume({ runId, actor: actor(), reason: flags.reason });
          if (!watch) {
            output(flags.json, run, () => `run ${runId} goes on: attempt ${run.attempt}`);
            return;
          }
          const outcome = await watch.outcome;
          output(flags.json, plainOutcome(outcome), () => `run ${runId}: ${outcome.state}`);
          if (outcome.state !== 'serving') process.exitCode = exitCodes.failed;
        } finally {
          await watch?.stop();
        }
      });
    });
}

/** `rookery runs cancel <id>`: ends a run. */
export function cancelCommand(): Command {
  return new Command('cancel')
    .description('End a run: training stops within a second, nothing of it is promoted')
    .argument('<run>', 'run id')
    .option('--reason <text>', 'why', '')
    .option('--json', 'JSON')
    .action(async (runId: string, flags: { reason: string; json?: boolean }) => {
      await withClient(async (client) => {
        const run = await client.runControl.cancel({ runId, actor: actor(), reason: flags.reason });
        output(flags.json, run, () => `run ${runId} is ${run.message}`);
      });
    });
}

/** `rookery runs reproduce <id>`: trains a run again and compares the weights. */
export function reproduceCommand(): Command {
  return new Command('reproduce')
    .description('Train a run again from its recorded inputs and compare the weights; the champion stays')
    .argument('<run>', 'run id')
    .option('--wait', 'wait for the comparison; exit code 0 if all weights are equal to the bit, else 1')
    .option('--json', 'JSON')
    .action(async (runId: string, flags: { wait?: boolean; json?: boolean }) => {
      await withClient(async (client) => {
        const watch = flags.wait ? await client.runControl.follow(runId) : undefined;
        try {
          const begun = await client.runControl.reproduce({ runId, actor: actor() });
          const { reproductionId } = begun;
          if (!watch) {
            output(
              flags.json,
              begun,
              () => `${reproductionId} trains ${begun.recorded.length} jobs of ${runId} again`,
            );
            return;
          }
          const ended = await watch.ended(reproductionId);
          output(flags.json, ended, () => renderReproduction(ended));
          if (ended.state !== 'equal') process.exitCode = exitCodes.failed;
        } finally {
          await watch?.stop();
        }
      });
    });
}

/** A reproduction for a terminal: each job, then what is not as it was. */
export function renderReproduction(reproduction: Reproduction): string {
  const rows = reproduction.jobs.map((job) => [
    job.final ? 'final' : `fold ${job.fold + 1}`,
    job.code === '' ? (job.equal ? 'equal' : 'differs') : job.code,
    job.recordedSha256.slice(0, 16) || '–',
    job.reproducedSha256.slice(0, 16) || '–',
    job.environment ? `${job.environment.engine} on ${job.environment.backend}` : '–',
  ]);
  const equal = reproduction.jobs.filter((job) => job.equal).length;
  return [
    renderTable(['JOB', 'WEIGHTS', 'RECORDED', 'NOW', 'TRAINED BY'], rows),
    '',
    `${reproduction.runId}: ${equal} of ${reproduction.recorded.length} equal to the bit (${reproduction.reproductionId})`,
    ...reproduction.differences,
    ...reproduction.jobs.filter(({ code }) => code !== '').map(({ code, message }) => `${code}: ${message}`),
  ].join('\n');
}

/** Who asks: recorded with what was asked for. */
function actor(): string {
  try {
    return `cli:${userInfo().username}`;
  } catch {
    return 'cli';
  }
}
