import { events } from '@rookery/contracts';

import { distinctEvents, groupBy } from './history.js';
import type { History, Violation } from './history.js';

/** After quiet the databases hold what the log tells, each thing once, and nothing that is still to be announced. */
export function checkDatabases(history: History): Violation[] {
  const { databases, log } = history;
  const violations: Violation[] = databases.unannounced.map((evidence) => ({
    invariant: 'what was decided is announced',
    subject: evidence.split(':')[0] ?? '',
    evidence,
  }));
  const differ = (what: string, kept: readonly string[], told: readonly string[]): void => {
    const [inKept, inTold] = [new Set(kept), new Set(told)];
    const evidence = [
      ...(kept.length === inKept.size ? [] : [`${kept.length - inKept.size} are kept twice`]),
      ...kept.filter((item) => !inTold.has(item)).map((item) => `kept and not told: ${item}`),
      ...told.filter((item) => !inKept.has(item)).map((item) => `told and not kept: ${item}`),
    ];
    if (evidence.length === 0) return;
    const shown = `${evidence.slice(0, 5).join('; ')}${evidence.length > 5 ? ` and ${evidence.length - 5} more` : ''}`;
    violations.push({ invariant: 'the databases hold what the log tells', subject: what, evidence: shown });
  };
  const moves = [
    ...distinctEvents(log, events.modelPromoted),
    ...distinctEvents(log, events.modelRolledBack),
  ].map(({ data }) => data);
  differ(
    'moves of aliases',
    databases.aliasChanges.map((move) => `${move.model} ${move.alias} ${move.revision} ${move.version}`),
    moves.map((move) => `${move.model} ${move.alias} ${move.aliasRevision} ${move.version}`),
  );
  differ(
    'versions',
    databases.versions.map(({ model, version, runId }) => `${model} ${version} ${runId}`),
    distinctEvents(log, events.modelRegistered).map(
      ({ data }) => `${data.model} ${data.version} ${data.runId}`,
    ),
  );
  const plans = new Map(distinctEvents(log, events.runStarted).map(({ data }) => [data.runId, data.folds]));
  differ(
    'evaluations',
    databases.evaluations
      .filter(({ joined }) => joined)
      .map(({ runId, folds }) => `${runId} of folds ${[...folds].sort((a, b) => a - b).join(',')}`),
    distinctEvents(log, events.runEvaluated).map(({ data: { runId } }) => {
      const folds = Array.from({ length: plans.get(runId) ?? 0 }, (_, fold) => fold);
      return `${runId} of folds ${folds.join(',')}`;
    }),
  );
  for (const [id, copies] of groupBy(databases.keptPredictions, (prediction) => prediction)) {
    if (copies.length === 1) continue;
    const evidence = `kept ${copies.length} times`;
    violations.push({ invariant: 'the monitor counts a prediction once', subject: id, evidence });
  }
  return violations;
}
