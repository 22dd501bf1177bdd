import type { ErrorCode } from '@rookery/contracts';
import type { GateVerdict, MetricSummary } from '@rookery/proto/rookery/domain/v1/data';

/** What is judged. */
export interface Candidate {
  verdict: GateVerdict | undefined;
  metrics: Readonly<Record<string, MetricSummary>>;
  /** Accept it even where it is worse than the champion. */
  allowWorseThanChampion: boolean;
  /** Whether less is better on the gate's metric. */
  lowerIsBetter: boolean;
}

/** What it is compared with. */
export interface Champion {
  version: number;
  metrics: Readonly<Record<string, MetricSummary>>;
}

/** The decision, with its reasons in words. */
export type Decision =
  | { readonly outcome: 'rejected_by_gate'; readonly code: ErrorCode; readonly reasons: string[] }
  | { readonly outcome: 'rejected_by_champion'; readonly code: ErrorCode; readonly reasons: string[] }
  | { readonly outcome: 'promoted'; readonly reasons: string[] };

/**
 * The acceptance rule: the gate's verdict first; then the mean of the gate's metric must not be worse than the
 * champion's recorded mean (equal is accepted). Where the champion has no number on that metric, the threshold alone
 * decides and the reasons say so. Monotonic: a better mean never turns an acceptance into a rejection.
 */
export function decidePromotion(candidate: Candidate, champion: Champion | undefined): Decision {
  const { verdict } = candidate;
  if (!verdict) {
    return rejectedByGate(['the evaluation came without a verdict of the gate']);
  }
  if (!verdict.passed) {
    return rejectedByGate(
      verdict.reasons.length > 0 ? [...verdict.reasons] : [`the gate on ${verdict.metric} was not passed`],
    );
  }
  const reasons = [...verdict.reasons];
  if (!champion) return { outcome: 'promoted', reasons: [...reasons, 'the model has no champion yet'] };

  const metric = verdict.metric;
  const value = candidate.metrics[metric]?.mean ?? verdict.value;
  const before = Object.hasOwn(champion.metrics, metric) ? champion.metrics[metric]?.mean : undefined;
  if (before === undefined || !Number.isFinite(before)) {
    const known = Object.keys(champion.metrics).sort().join(', ') || 'none';
    return {
      outcome: 'promoted',
      reasons: [
        ...reasons,
        `the champion (version ${champion.version}) has no mean of ${metric} to compare with (it has: ${known}): accepted by the threshold alone`,
      ],
    };
  }
  const [now, then] = shownPair(value, before);
  const words = `mean ${metric} ${now} against ${then} of the champion (version ${champion.version})`;
  if (candidate.lowerIsBetter ? value <= before : value >= before) {
    return { outcome: 'promoted', reasons: [...reasons, `${words}: not worse`] };
  }
  if (candidate.allowWorseThanChampion) {
    return { outcome: 'promoted', reasons: [...reasons, `${words}: worse, which the gate allows`] };
  }
  return {
    outcome: 'rejected_by_champion',
    code: 'RK_CHAMPION_BETTER',
    reasons: [...reasons, `${words}: worse (${candidate.lowerIsBetter ? 'less' : 'more'} is better)`],
  };
}

function rejectedByGate(reasons: string[]): Decision {
  return { outcome: 'rejected_by_gate', code: 'RK_GATE_FAILED', reasons };
}

/** Digits behind the point that a person reads. */
const digits = 4;

/** Two numbers with four digits behind the point, or in full where those would hide their difference. */
function shownPair(a: number, b: number): [string, string] {
  const short: [string, string] = [a.toFixed(digits), b.toFixed(digits)];
  return a !== b && short[0] === short[1] ? [String(a), String(b)] : short;
}
