import { events } from '@rookery/contracts';

import { endingsOf } from './check-runs.js';
import { distinctEvents, groupBy, runOf } from './history.js';
import type { History, ModelRecord, Violation } from './history.js';

/** One version for each accepted run, numbered without gap or duplicate, in the log as in the registry. */
export function checkVersions(history: History): Violation[] {
  const violations: Violation[] = [];
  const registered = distinctEvents(history.log, events.modelRegistered).map(({ data }) => data);
  const accepted = new Set(
    distinctEvents(history.log, events.runEvaluated)
      .filter(({ data }) => data.verdict?.passed === true)
      .map(({ data }) => data.runId),
  );
  const byRun = groupBy(registered, ({ runId }) => runId);
  const kept = groupBy(
    history.models.flatMap(({ name, versions }) => versions.map((version) => ({ name, ...version }))),
    ({ runId }) => runId,
  );
  for (const [runId, [ending]] of endingsOf(history.log)) {
    if (ending?.state !== 'completed') continue;
    const wanted = accepted.has(runId) ? 1 : 0;
    const inLog = byRun.get(runId) ?? [];
    const inRegistry = kept.get(runId) ?? [];
    const numbers = [...inLog, ...inRegistry].map(({ version }) => version);
    if (
      inLog.length !== wanted ||
      inRegistry.length !== wanted ||
      numbers.some((version) => version !== ending.version)
    ) {
      violations.push({
        invariant: 'one version for each accepted run',
        subject: runId,
        evidence: `accepted: ${wanted}; registered ${told(inLog)}, kept ${told(inRegistry)}, completed with ${ending.version}`,
      });
    }
  }
  for (const { eventId, expected } of history.published) {
    const runId = runOf({ eventId });
    if (expected === 'gate-rejected' && accepted.has(runId)) {
      const evidence = 'the gate took a model of shuffled labels';
      violations.push({ invariant: 'a fault does not change how a data set ends', subject: runId, evidence });
    }
  }
  for (const [model, found] of groupBy(registered, (data) => data.model)) {
    violations.push(
      ...gapless(
        model,
        found.map(({ version }) => version),
        'registered in the log',
      ),
    );
  }
  for (const { name, versions } of history.models) {
    violations.push(
      ...gapless(
        name,
        versions.map(({ version }) => version),
        'kept by the registry',
      ),
    );
  }
  return violations;
}

function gapless(model: string, versions: readonly number[], where: string): Violation[] {
  const sorted = [...versions].sort((a, b) => a - b);
  if (sorted.every((version, k) => version === k + 1)) return [];
  const evidence = `versions ${sorted.join(', ')} ${where}`;
  return [{ invariant: 'versions without gap or duplicate', subject: model, evidence }];
}

/** The history of champion has every revision once, each moving on from the one before, and the log tells the same. */
export function checkAliases(history: History): Violation[] {
  const moves = groupBy(
    [
      ...distinctEvents(history.log, events.modelPromoted),
      ...distinctEvents(history.log, events.modelRolledBack),
    ]
      .map(({ data }) => data)
      .filter(({ alias }) => alias === 'champion'),
    ({ model }) => model,
  );
  const names = new Set([...moves.keys(), ...history.models.map(({ name }) => name)]);
  return [...names].flatMap((name): Violation[] => {
    const model = history.models.find((record) => record.name === name);
    const problems = [
      ...chainProblems(
        (moves.get(name) ?? []).map((move) => ({ ...move, revision: move.aliasRevision })),
        'the log',
      ),
      ...chainProblems(model?.history ?? [], 'the registry'),
      ...(model ? agreementProblems(model, moves.get(name) ?? []) : ['the registry does not know it']),
      ...acknowledgementProblems(
        model?.history ?? [],
        history.moves.filter((move) => move.model === name),
      ),
    ];
    return problems.map((evidence) => ({
      invariant: 'alias history without gap or fork',
      subject: name,
      evidence,
    }));
  });
}

interface Move {
  readonly revision: number;
  readonly version: number;
  readonly previousVersion: number;
}

function chainProblems(moves: readonly Move[], where: string): string[] {
  const sorted = [...moves].sort((a, b) => a.revision - b.revision);
  const revisions = sorted.map(({ revision }) => revision);
  if (revisions.some((revision, k) => revision !== k + 1)) {
    return [`revisions ${revisions.join(', ')} in ${where}`];
  }
  return sorted.flatMap(({ revision, previousVersion }, k) => {
    const before = sorted[k - 1]?.version ?? 0;
    if (previousVersion === before) return [];
    return [
      `revision ${revision} in ${where} came after version ${previousVersion}, but ${before} was before it`,
    ];
  });
}

function agreementProblems(
  model: ModelRecord,
  moves: readonly { readonly aliasRevision: number; readonly version: number }[],
): string[] {
  const last = [...model.history].sort((a, b) => b.revision - a.revision)[0];
  const problems: string[] = [];
  if (model.champion?.version !== last?.version || model.champion?.revision !== last?.revision) {
    problems.push(
      `champion is version ${model.champion?.version} at ${model.champion?.revision}, its history ends with ${last?.version} at ${last?.revision}`,
    );
  }
  const announced = new Map(moves.map((move) => [move.aliasRevision, move.version]));
  for (const { revision, version } of model.history) {
    if (announced.get(revision) === version) continue;
    problems.push(`revision ${revision} is version ${version}, announced was ${announced.get(revision)}`);
  }
  if (announced.size !== model.history.length) {
    problems.push(`${announced.size} moves were announced, ${model.history.length} are kept`);
  }
  return problems;
}

/** What a caller was told to have moved is what the history holds: of callers who saw the same revision one wins. */
function acknowledgementProblems(
  kept: readonly Pick<Move, 'revision' | 'version'>[],
  told: readonly Pick<Move, 'revision' | 'version'>[],
): string[] {
  const versionAt = new Map(kept.map(({ revision, version }) => [revision, version]));
  const problems = told
    .filter(({ revision, version }) => versionAt.get(revision) !== version)
    .map(
      ({ revision, version }) =>
        `a caller was told that revision ${revision} is version ${version}, kept is ${versionAt.get(revision) ?? 'none'}`,
    );
  for (const [revision, moves] of groupBy(told, (move) => move.revision)) {
    if (moves.length > 1)
      problems.push(`${moves.length} callers were told that they made revision ${revision}`);
  }
  return problems;
}

/** After quiet, what every replica serves is where champion was moved last. */
export function checkServed(history: History): Violation[] {
  const replicas = [...new Set(Object.keys(history.droppedNow))];
  return history.models.flatMap(({ name, champion }): Violation[] =>
    replicas.flatMap((replica): Violation[] => {
      const served = history.served.find((item) => item.model === name && item.replica === replica);
      if (served?.version === champion?.version && served?.revision === champion?.revision) return [];
      const evidence = `${replica} serves version ${served?.version ?? 'none'} at revision ${served?.revision ?? 'none'}, champion is ${champion?.version ?? 'none'} at ${champion?.revision ?? 'none'}`;
      return [{ invariant: 'served is what was promoted last', subject: name, evidence }];
    }),
  );
}

function told(versions: readonly { readonly version: number }[]): string {
  return versions.length === 0 ? 'none' : versions.map(({ version }) => version).join(', ');
}
