import type { Gate, GateVerdict, MetricSummary } from '@rookery/proto/rookery/domain/v1/data';
import { metricDirection } from '@rookery/tabular';

/** Digits of a number in a reason. */
const digits = 4;

/**
 * Verdict of a gate on the mean of its metric: at least the threshold where higher is better, at most where lower is
 * better; without a threshold every finite mean passes. A metric that is missing or not finite fails.
 */
export function gateVerdict(gate: Gate, metrics: Readonly<Record<string, MetricSummary>>): GateVerdict {
  const { metric, threshold } = gate;
  const summary = metrics[metric];
  if (summary === undefined || !Number.isFinite(summary.mean)) {
    const known = Object.keys(metrics).sort().join(', ');
    return {
      passed: false,
      metric,
      value: 0,
      threshold,
      reasons: [`The gate's metric ${metric} could not be computed on every fold; computed were ${known}.`],
    };
  }
  const value = summary.mean;
  const shown = `mean ${metric} ${value.toFixed(digits)} ± ${summary.std.toFixed(digits)}`;
  if (threshold === undefined) {
    return { passed: true, metric, value, threshold, reasons: [`${shown}; the gate has no threshold.`] };
  }
  const higher = metricDirection(metric) === 'higher';
  const passed = higher ? value >= threshold : value <= threshold;
  const wanted = `${higher ? 'at least' : 'at most'} ${threshold}`;
  return { passed, metric, value, threshold, reasons: [`${shown} ${passed ? 'is' : 'is not'} ${wanted}.`] };
}
