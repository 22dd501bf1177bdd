import { runSuite } from '../suite/run-suite.js';
import { tellViolations } from '../suite/violations.js';
import { runSoak } from './soak.js';

/** Runs the soak; see {@link runSuite}. */
export function main(args: readonly string[], root: string): Promise<number> {
  return runSuite(
    {
      usage: 'npm run soak -- [--swaps N] [--rate R] [--keep] [--json]',
      flags: { swaps: '1000', rate: '200' },
      read: ({ count }) => ({ swaps: count('swaps', 1), perSecond: count('rate', 1) }),
      run: async ({ swaps, perSecond }, run) => {
        const settledAfter = Math.min(100, Math.ceil(swaps / 2));
        const { violations, ...report } = await runSoak({ ...run, swaps, perSecond, settledAfter });
        tellViolations(violations, run.log);
        run.log(
          `${report.swaps} swaps, ${report.calls} calls, ${report.failed} failed; ${report.tensorsAtSwap100} tensors at swap ` +
            `${settledAfter}, ${report.tensorsAtEnd} at the end; ${report.rssAtSwap100MiB} MiB, then at most ` +
            `${report.rssMaxAfterMiB} MiB; ${violations.length} violations`,
        );
        return { report: { ...report, violations: violations.length }, passed: violations.length === 0 };
      },
    },
    args,
    root,
  );
}
