import { trace } from '@opentelemetry/api';
import { events, requireKey, RetryableError, TerminalError } from '@rookery/contracts';
import type { BusEvent, EventMeta } from '@rookery/bus';
import type { ModelPackage } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import type { RunEvaluated } from '@rookery/proto/rookery/events/v1/run';
import { RunState } from '@rookery/proto/rookery/registry/v1/registry';

import { aliasOf, championAlias } from '../domain/model-document.js';
import type { ModelDocument } from '../domain/model-document.js';
import { decidePromotion } from '../domain/promotion-decision.js';
import type { Decision } from '../domain/promotion-decision.js';
import type { EvaluatedPart, RunDocument } from '../domain/run-document.js';
import { projectEvaluated } from '../domain/run-projection.js';
import { isTerminal } from '../domain/run-state.js';
import { planOf } from '../domain/run-view.js';
import { pendingRun, settle } from './pending-facts.js';
import type { Registry } from './ports.js';
import { applyProjection } from './project-runs.js';
import { registerRun, rejectByGate } from './register-run.js';

const rounds = 50;

/**
 * Handles `run.evaluated`: registers, promotes or rejects, exactly once a run. May be killed at any point and called
 * again: the run is claimed in its own document (from then on it can't fail), and the decision is one atomic write of
 * the model's document (or of the run's, where the gate was not passed) together with the events that announce it.
 *
 * Errors before the claim: RK_KEY_INVALID, RK_MODEL_CORRUPT and those of the artifact store; the run then fails by
 * its dead letter.
 */
export async function decideEvaluated(registry: Registry, event: BusEvent<RunEvaluated>): Promise<void> {
  const { data } = event;
  const projection = projectEvaluated(data, event);
  const passed = data.verdict?.passed === true;
  // Both reads go on together; the package is read before the claim, so that what can't be read can still fail the run.
  const reading = passed ? readPackage(registry, data.package, data.runId) : Promise.resolve(undefined);
  reading.catch(() => undefined);
  let model: ModelDocument | null;
  let modelPackage: ModelPackage | undefined;
  try {
    requireKey(data.model, 'model');
    requireKey(data.runId, 'runId');
    model = await registry.collections.models.findOne({ _id: data.model });
    modelPackage = await reading;
  } catch (error) {
    await applyProjection(registry, projection);
    throw error;
  }
  const run = await applyProjection(registry, {
    runId: projection.runId,
    update: { ...projection.update, $set: { ...projection.update.$set, claimed: true } },
  });
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
      const passed = evaluated.verdict?.passed === true;
      const modelPackage = passed ? await readPackage(registry, evaluated.package, run._id) : undefined;
      const fresh = await runs.findOne({ _id: run._id });
      await decide(registry, fresh ?? run, model, modelPackage, causeOf(run, evaluated));
      done += 1;
    } catch (error) {
      registry.logger.error({ err: error, runId: run._id }, 'an evaluated run could not be decided yet');
    }
  }
  return done;
}

async function decide(
  registry: Registry,
  claimed: RunDocument,
  modelSeen: ModelDocument | null,
  modelPackage: ModelPackage | undefined,
  cause: EventMeta,
): Promise<void> {
  const { runs, models } = registry.collections;
  const name = claimed.model ?? '';
  let run: RunDocument = await withBeginning(registry, claimed);
  let model = modelSeen;
  for (let round = 0; round < rounds; round++) {
    // The model is always read before the run: a decision leaves the model's document only after the run's has it.
    if (isTerminal(run.state)) {
      await registry.outbox.flush(runs, run._id);
      if (model) await settle(registry, model);
      return;
    }
    if (model && pendingRun(model, run._id)) return settle(registry, model);

    const decision = judge(registry, run, model);
    mark(run, decision);
    if (decision.outcome === 'rejected_by_gate') return rejectByGate(registry, run, decision, cause);

    let after: ModelDocument | undefined;
    try {
      after = await registerRun(registry, name, run, model, modelPackage, decision, cause);
    } catch (error) {
      // Nothing was decided and trying again can't help: give the claim back, so that the run can fail.
      if (error instanceof TerminalError)
        await runs.updateOne({ _id: run._id }, { $unset: { claimed: true } });
      throw error;
    }
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

async function readPackage(
  registry: Registry,
  ref: EvaluatedPart['package'],
  runId: string,
): Promise<ModelPackage> {
  if (!ref || ref.sha256 === '') {
    throw new TerminalError(
      'RK_MODEL_CORRUPT',
      `run ${runId} passed the gate, but its evaluation has no model package`,
    );
  }
  return registry.packages.read(ref);
}

/** The event that a stored evaluation came with, as far as it is needed to announce what follows from it. */
function causeOf(run: RunDocument, evaluated: EvaluatedPart): EventMeta {
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
