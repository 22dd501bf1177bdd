import { anySeed, runSuite } from '../suite/run-suite.js';
import type { Outcome } from '../suite/run-suite.js';
import type { SuiteRun } from '../suite/suite-run.js';
import { breaks } from './broken-services.js';
import type { Break } from './broken-services.js';
import { runChaos } from './chaos.js';
import type { ChaosOptions } from './chaos.js';
import { faultKinds } from './schedule.js';
import type { FaultKind } from './schedule.js';

type Asked = Omit<ChaosOptions, keyof SuiteRun>;

/** Runs the chaos suite; see {@link runSuite}. With --break it passes where there are violations. */
export function main(args: readonly string[], root: string): Promise<number> {
  return runSuite(
    {
      usage: `npm run chaos -- [--rounds N] [--seed S] [--from ROUND] [--kinds ${faultKinds.join(',')}] [--break ${Object.keys(breaks).join('|')}] [--keep] [--json]`,
      flags: { rounds: '10', seed: anySeed(), from: '1', kinds: undefined, break: undefined },
      read: ({ text, count }): Asked => {
        const broken = breakOf(text('break'));
        return {
          rounds: count('rounds', 1),
          seed: count('seed', 0),
          from: count('from', 1),
          kinds: kindsOf(text('kinds'), broken),
          ...(broken === undefined ? {} : { broken }),
        };
      },
      run: playChaos,
    },
    args,
    root,
  );
}

async function playChaos(asked: Asked, run: SuiteRun): Promise<Outcome> {
  const { log } = run;
  log(`seed ${asked.seed}`);
  const report = await runChaos({ ...asked, ...run });
  const { rounds, seed, faults, violations, captures, deadLetters } = report;
  log(
    `${captures.answered} predictions answered: ${captures.captured} captured, ${captures.dropped} counted as dropped, ` +
      `${captures.lostWithKilled} lost with a killed replica; ${deadLetters} dead letters`,
  );
  log(
    `${rounds} rounds, ${faults} faults, ${violations.length} violations; repeat: --seed ${seed} --rounds ${rounds}`,
  );
  const noticed = violations.length > 0;
  if (asked.broken !== undefined) {
    log(
      noticed
        ? `the checker noticed ${asked.broken}`
        : `the checker did not notice ${asked.broken} in ${rounds} rounds`,
    );
  }
  return {
    report: { rounds, seed, faults, violations: violations.length },
    passed: noticed === (asked.broken !== undefined),
  };
}

function breakOf(name: string | undefined): Break | undefined {
  const found = (Object.keys(breaks) as Break[]).find((known) => known === name);
  if (name !== undefined && found === undefined)
    throw new Error(`There is no way to break it called ${name}`);
  return found;
}

function kindsOf(list: string | undefined, broken: Break | undefined): readonly FaultKind[] {
  const chosen = list?.split(',') ?? (broken === undefined ? faultKinds : breaks[broken]);
  return chosen.map((name) => {
    const kind = faultKinds.find((known) => known === name);
    if (kind === undefined) throw new Error(`There is no fault ${name}`);
    return kind;
  });
}
