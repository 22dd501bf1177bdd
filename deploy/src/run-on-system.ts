import { startTelemetry } from '@rookery/telemetry';

import { startEmbedded } from './embedded/embedded-system.js';
import { listeningTable } from './listening-table.js';
import { repositoryRoot } from './repository-root.js';
import { findRunningSystem } from './running-system.js';
import type { RunningSystem } from './running-system.js';
import { askedToStop, untilStopped } from './until-stopped.js';

/** What a program does with a system. */
export interface SystemWork {
  /** In traces. */
  readonly name: string;
  /** Said under the table of the addresses. */
  readonly title?: string;
  /** Resolves to what --json prints, or to undefined, after saying why, where it failed. */
  readonly run: (system: RunningSystem, stream: NodeJS.WriteStream) => Promise<object | undefined>;
}

/** Flags of every program that runs on a system. */
export const systemFlags = ['--exit', '--json'];

/**
 * Works with the system that runs on the data folder, or with one that is started for it and then stays until Ctrl-C, unless
 * the work failed or --exit is given. With --json the output is one line of JSON, and everything else goes to stderr. Ends
 * this process: exit code 0 where the work was done.
 */
export async function runOnSystem(flags: ReadonlySet<string>, prepare: () => SystemWork): Promise<never> {
  const json = flags.has('--json');
  const say = (text: string): void => {
    if (json) console.error(text);
    else console.log(text);
  };
  const asked = askedToStop();
  let exitCode = 1;
  let stopTelemetry = (): Promise<void> => Promise.resolve();
  try {
    const work = prepare();
    const telemetry = startTelemetry({ serviceName: `rookery-${work.name}`, env: process.env });
    stopTelemetry = () => telemetry.shutdown();
    await telemetry.ready;
    const running = findRunningSystem(process.env['ROOKERY_DATA_DIR'] ?? '.rookery');
    const started = running ? undefined : await startEmbedded({ root: repositoryRoot, onEvent: say });
    const system = started ?? running;
    if (system === undefined) throw new Error('There is no system');
    const how = started ? `is ready (${(started.readyMs / 1000).toFixed(1)} s)` : 'runs already';
    say(`Rookery ${how}.\n${listeningTable(system)}\n${work.title === undefined ? '' : `\n${work.title}`}`);
    try {
      const done = work.run(system, json ? process.stderr : process.stdout);
      const result = await Promise.race([done, asked.then(() => undefined)]);
      if (result !== undefined) exitCode = 0;
      if (result !== undefined && json) console.log(JSON.stringify(result));
      if (started !== undefined && exitCode === 0 && !flags.has('--exit')) {
        say(`\nThe console is at http://${system.addresses['console']}. Ctrl-C stops everything.`);
        exitCode = await untilStopped(started, asked);
      }
    } finally {
      await started?.stop();
    }
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
  }
  await stopTelemetry();
  process.exit(exitCode);
}
