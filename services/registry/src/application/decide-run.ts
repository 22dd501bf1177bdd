import { trace } from '@opentelemetry/api';
import { events, requireKey, RetryableError, TerminalError } from '@rookery/contracts';
import type { BusEvent, EventMeta } from '@rookery/bus';
import { ModelPackage } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import type { RunEvaluated } from '@rookery/proto/rookery/events/v1/run';
import { RunState } from '@rookery/proto/rookery/registry/v1/registry';

import { aliasOf, championAlias } from '../domain/model-document.js';
import type { ModelDocument, VersionDocument } from '../domain/model-document.js';
import { decidePromotion } from '../domain/promotion-decision.js';
import type { Decision } from '../domain/promotion-decision.js';
import type { EvaluatedPart, RunDocument } from '../domain/run-document.js';
import { projectEvaluated } from '../domain/run-projection.js';
import { firstTerminalState, isTerminal } from '../domain/run-state.js';
import { planOf } from '../domain/run-view.js';
import { pendingRun, settle } from './pending-facts.js';
import type { Registry } from './ports.js';
import { applyProjection } from './project-runs.js';
import { registerRun, rejectByGate } from './register-run.js';

const rounds = 50;

/**
 * Handles `run.evaluated`: registers, promotes or rejects, exactly once a run. May be killed at any point and called
 * again: the run is claimed in its own document (while claimed it can neither fail nor be cancelled), and the decision is
 * one atomic write of the model's document (or of the run's, where the gate was not passed) together with the events that
 * announce it. A run that ended before its claim stays as it ended.
 *
 * The claim is made when the package has been read, and holds what the decision needs of it: it is given back only where
 * the decision can't be written. Errors before it leave the dead letter to fail the run: RK_KEY_INVALID, RK_MODEL_CORRUPT
 * and those of the artifact store.
 */
export async function decideEvaluated(registry: Registry, event: BusEvent<RunEvaluated>): Promise<void> {
  const { data } = event;
  const projection = projectEvaluated(data, event);
  requireKey(data.runId, 'runId');
  requireKey(data.model, 'model');
  // The package is read while the documents are: it is the longest of the reads.
  const reading = readPackage(registry, data.verdict, data.package, data.runId);
  reading.catch(() => undefined);
  const model = await registry.collections.models.findOne({ _id: data.model });
  let modelPackage: ModelPackage | undefined;
  try {
    modelPackage = await reading;
  } catch (error) {
    await applyProjection(registry, projection);
    throw error;
  }
  const run = await applyProjection(registry, {
    runId: projection.runId,
    update: {
      ...projection.update,
      $set: { ...projection.update.$set, claimed: true, claim: claimOf(modelPackage) },
    },
  });
  if (await settleDecided(registry, run, model)) return;
  await decide(registry, run, model, modelPackage, event);
}

/** Takes up the runs that an earlier life claimed and did not decide; returns how many. One that fails is logged and left. */
export async function resumeClaimed(registry: Registry): Promise<number> {
  const { runs, models } = registry.collections;
  const left = await runs.find({ claimed: true, state: RunState.RUN_STATE_EVALUATED });
  let done = 0;
  for (const run of left) {
    const { evaluated, model: name } = run;
    if (!evaluated || name === undefined) continue;
    try {
      const model = await models.findOne({ _id: name });
      const fresh = await runs.findOne({ _id: run._id });
      if (!fresh || (await settleDecided(registry, fresh, model))) continue;
      const modelPackage = await claimedPackage(registry, run, evaluated);
      await decide(registry, fresh, model, modelPackage, causeOf(run, evaluated));
      done += 1;
    } catch (error) {
      registry.logger.error({ err: error, runId: run._id }, 'an evaluated run could not be decided yet');
    }
  }
  return done;
}

/** Takes the decision about a run whose version is registered already, and which has no end. */
export async function completeRegistered(
  registry: Registry,
  run: RunDocument,
  version: VersionDocument,
): Promise<void> {
  const { runs, models } = registry.collections;
  if (!run.evaluated) return;
  const claimed = await runs.findOneAndUpdate({ _id: run._id }, { $set: { claimed: true } });
  const model = await models.findOne({ _id: version.model });
  await decide(registry, claimed ?? run, model, undefined, causeOf(run, run.evaluated), version);
}

async function decide(
  registry: Registry,
  claimed: RunDocument,
  modelSeen: ModelDocument | null,
  modelPackage: ModelPackage | undefined,
  cause: EventMeta,
  registered?: VersionDocument,
): Promise<void> {
  const { runs, models } = registry.collections;
  const name = claimed.model ?? '';
  let run: RunDocument = await withBeginning(registry, claimed);
  let model = modelSeen;
  for (let round = 0; round < rounds; round++) {
    if (await settleDecided(registry, run, model)) return;
    const decision = judge(registry, run, model);
    mark(run, decision);
    if (decision.outcome === 'rejected_by_gate') return rejectByGate(registry, run, decision, cause);

    const against = { run, model };
    const after = await orRelease(
      registry,
      run._id,
      () =>
        registerRun(registry, name, against.run, against.model, modelPackage, decision, cause, registered),
      // A store that did not answer may have written the decision: only what can't be written gives the claim back.
      (error) => error instanceof TerminalError,
    );
    if (after) {
      await settle(registry, after);
      registry.logger.info(
        { runId: run._id, model: name, version: after.latestVersion, ...decision },
        'run decided',
      );
      return;
    }
    model = await models.findOne({ _id: name });
    run = (await runs.findOne({ _id: run._id })) ?? run;
  }
  throw new RetryableError(
    'RK_ALIAS_CONFLICT',
    `model ${name} changed ${rounds} times while run ${run._id} was decided`,
    {
      afterMs: 100,
    },
  );
}

/**
 * Announces and copies out a decision that was taken before; false where there is none. `model` must have been read
 * before `run`: a decision leaves the model's document only after the run's has it.
 */
async function settleDecided(
  registry: Registry,
  run: RunDocument,
  model: ModelDocument | null,
): Promise<boolean> {
  if (isTerminal(run.state)) await registry.outbox.flush(registry.collections.runs, run._id);
  else if (!pendingRun(model, run._id)) return false;
  if (model) await settle(registry, model);
  return true;
}

function judge(registry: Registry, run: RunDocument, model: ModelDocument | null): Decision {
  const evaluated = run.evaluated;
  const metric = evaluated?.verdict?.metric ?? '';
  return decidePromotion(
    {
      verdict: evaluated?.verdict,
      metrics: evaluated?.metrics ?? {},
      allowWorseThanChampion: planOf(run)?.gate?.allowWorseThanChampion ?? false,
      lowerIsBetter: registry.lowerIsBetter(metric),
    },
    aliasOf(model, championAlias),
  );
}

/** Lineage needs the beginning of the run; where its events have not come by yet, they are read from the log. */
async function withBeginning(registry: Registry, run: RunDocument): Promise<RunDocument> {
  if (isTerminal(run.state) || (run.started && run.ingested)) return run;
  let complete = run;
  for (const projection of await registry.log.beginningOf(run._id)) {
    complete = await applyProjection(registry, projection);
  }
  if (!complete.started || !complete.ingested) {
    registry.logger.warn(
      { runId: run._id },
      'the log has no beginning of this run: its lineage is incomplete',
    );
  }
  return complete;
}

/** The package of a run that passed the gate; undefined for another, which needs none. */
async function readPackage(
  registry: Registry,
  verdict: EvaluatedPart['verdict'],
  ref: EvaluatedPart['package'],
  runId: string,
): Promise<ModelPackage | undefined> {
  if (verdict?.passed !== true) return undefined;
  if (!ref || ref.sha256 === '') {
    throw new TerminalError(
      'RK_MODEL_CORRUPT',
      `run ${runId} passed the gate, but its evaluation has no model package`,
    );
  }
  return registry.packages.read(ref);
}

/** What registration needs of a package, as the claim keeps it. */
function claimOf(modelPackage: ModelPackage | undefined): string {
  if (!modelPackage) return '';
  const { signature, inputExample } = modelPackage;
  return JSON.stringify(
    ModelPackage.toJSON(
      ModelPackage.fromPartial({
        ...(signature ? { signature } : {}),
        ...(inputExample ? { inputExample } : {}),
      }),
    ),
  );
}

/** The package of a claimed run: from its claim, else (a claim of an earlier release) read again. */
async function claimedPackage(
  registry: Registry,
  run: RunDocument,
  evaluated: EvaluatedPart,
): Promise<ModelPackage | undefined> {
  if (run.claim === undefined) {
    return orRelease(registry, run._id, () =>
      readPackage(registry, evaluated.verdict, evaluated.package, run._id),
    );
  }
  return run.claim === '' ? undefined : ModelPackage.fromJSON(JSON.parse(run.claim));
}

/** Runs a step before the decision; where it throws (what `releases` says), the claim is given back. */
async function orRelease<R>(
  registry: Registry,
  runId: string,
  step: () => Promise<R>,
  releases: (error: unknown) => boolean = () => true,
): Promise<R> {
  try {
    return await step();
  } catch (error) {
    if (!releases(error)) throw error;
    await registry.collections.runs.updateOne(
      { _id: runId, state: { $lt: firstTerminalState } },
      { $unset: { claimed: true, claim: true } },
    );
    throw error;
  }
}

/** The event that a stored evaluation came with, as far as it is needed to announce what follows from it. */
export function causeOf(run: RunDocument, evaluated: EvaluatedPart): EventMeta {
  return {
    id: evaluated.eventId,
    type: events.runEvaluated.type,
    subject: events.runEvaluated.subject(run._id),
    key: run._id,
    source: '',
    time: new Date(run.updatedAtMs),
    correlationId: evaluated.correlationId,
    ...(evaluated.traceparent === undefined ? {} : { traceparent: evaluated.traceparent }),
    deliveryCount: 1,
    stream: events.runEvaluated.stream,
    sequence: 0,
  };
}

function mark(run: RunDocument, decision: Decision): void {
  trace.getActiveSpan()?.setAttributes({
    'rookery.run.id': run._id,
    'rookery.model.name': run.model ?? '',
    'rookery.gate.decision': decision.outcome,
  });
}
