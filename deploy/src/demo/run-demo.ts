import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

import { ProgressView } from '@rookery/cli/progress';
import type { ViewStream } from '@rookery/cli/progress';
import { RookeryClient, addressesFromEnvironment, rowFromProto } from '@rookery/client';
import type { PredictedRow, RunOutcome } from '@rookery/client';
import type { MonitorReported } from '@rookery/proto/rookery/events/v1/monitoring';
import type { RunEvaluated } from '@rookery/proto/rookery/events/v1/run';
import type { ModelVersion } from '@rookery/proto/rookery/registry/v1/registry';

import { csvRows } from './csv-rows.js';

/** What the demo ends with; its --json form. */
export interface DemoResult {
  readonly runId: string;
  readonly model: string;
  readonly version: number;
  readonly metric: string;
  readonly mean: number;
  readonly std: number;
  readonly folds: readonly number[];
  readonly backend: string;
  readonly publishedToServingMs: number;
  readonly prediction: {
    readonly label: string | undefined;
    readonly probabilities: Readonly<Record<string, number>>;
    readonly version: number;
    readonly id: string;
  };
  readonly traceId: string;
  readonly drift: {
    readonly drifted: boolean;
    readonly driftedColumns: number;
    readonly testedColumns: number;
    readonly share: number;
    readonly predictions: number;
  };
}

const name = 'penguins';
const target = 'species';
/** Longest time that the run may take. */
const runDeadlineMs = 120_000;
/** Predictions are sent in calls of this many rows. */
const rowsPerCall = 43;

/**
 * Publishes the penguins, shows the run live, predicts every row of the file with the promoted model and looks at the
 * monitor's report. Resolves to undefined, after saying why, where no model came to be served.
 */
export async function runDemo(
  system: { readonly natsUrl: string; readonly addresses: Readonly<Record<string, string>> },
  file: string,
  stream: ViewStream,
): Promise<DemoResult | undefined> {
  const say = (text: string): unknown => stream.write(`${text}\n`);
  const addresses = { ...addressesFromEnvironment(process.env), ...system.addresses, nats: system.natsUrl };
  const client = new RookeryClient({ addresses, name: 'demo' });
  try {
    const uri = pathToFileURL(file).href;
    say(`Publishing ml.dataset.ready {"name":"${name}","uri":"${uri}","target":"${target}"}`);
    const view = new ProgressView(stream);
    const published = await client.publish({ name, uri, target }, view.onStep);
    const outcome = await withDeadline(published.outcome, runDeadlineMs);
    await published.stop();
    if (outcome.state !== 'serving') {
      say(`No model was promoted: ${reasonOf(outcome)}`);
      return undefined;
    }
    const { swapped, evaluated } = outcome;
    const version = await client.modelVersion(swapped.model, swapped.version);
    const answer = await predictExample(client, version);
    if (answer === undefined) {
      say('The promoted model gave no answer');
      return undefined;
    }
    say(
      `predicted ${answer.label ?? answer.value} ${JSON.stringify(rounded(answer.probabilities))} by version ${answer.version}`,
    );
    const report = await watchAll(client, version, file);
    const drift = report.datasetDrift;
    const summary = `${drift?.driftedColumns ?? 0} of ${drift?.testedColumns ?? 0} columns drifted`;
    say(`watched   ${report.predictions} predictions compared with the training data: ${summary}`);
    return resultOf(outcome, evaluated, version, answer, report);
  } finally {
    await client.close();
  }
}

async function predictExample(
  client: RookeryClient,
  version: ModelVersion,
): Promise<PredictedRow | undefined> {
  const example = rowFromProto(version.inputExample);
  const [answer] = await client.predict(version.model, [example]);
  return answer?.version === version.version ? answer : undefined;
}

async function watchAll(
  client: RookeryClient,
  version: ModelVersion,
  file: string,
): Promise<MonitorReported> {
  const rows = csvRows(readFileSync(file, 'utf8'), version.signature);
  for (let at = 0; at < rows.length; at += rowsPerCall)
    await client.predict(version.model, rows.slice(at, at + rowsPerCall));
  return client.report({
    model: version.model,
    version: version.version,
    window: rows.length,
    minPredictions: rows.length,
    waitMs: 10_000,
  });
}

function resultOf(
  outcome: Extract<RunOutcome, { state: 'serving' }>,
  evaluated: RunEvaluated | undefined,
  version: ModelVersion,
  answer: PredictedRow,
  report: MonitorReported,
): DemoResult {
  const metric = evaluated?.verdict?.metric ?? 'accuracy';
  const summary = version.metrics[metric];
  const drift = report.datasetDrift;
  return {
    runId: outcome.runId,
    model: version.model,
    version: version.version,
    metric,
    mean: summary?.mean ?? NaN,
    std: summary?.std ?? NaN,
    folds: version.folds.map((fold) => fold.metrics[metric] ?? NaN),
    backend: version.lineage?.environment?.backend ?? '',
    publishedToServingMs: Math.round(outcome.swapped.publishedToServingMs),
    prediction: {
      label: answer.label,
      probabilities: answer.probabilities,
      version: answer.version,
      id: answer.id,
    },
    traceId: version.lineage?.traceId ?? '',
    drift: {
      drifted: drift?.drifted ?? false,
      driftedColumns: drift?.driftedColumns ?? 0,
      testedColumns: drift?.testedColumns ?? 0,
      share: drift?.share ?? 0,
      predictions: report.predictions,
    },
  };
}

function reasonOf(outcome: Exclude<RunOutcome, { state: 'serving' }>): string {
  switch (outcome.state) {
    case 'rejected':
      return outcome.rejection.reasons.join(' ');
    case 'failed':
      return `${outcome.failure.code}: ${outcome.failure.message}`;
    case 'cancelled':
      return `cancelled by ${outcome.cancelled.actor}`;
    case 'dataset-rejected':
      return `${outcome.rejection.code}: ${outcome.rejection.message}`;
  }
}

function rounded(probabilities: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(probabilities).map(([label, p]) => [label, Number(p.toFixed(4))]));
}

async function withDeadline<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`The run did not end within ${ms / 1000} s. Look into .rookery/logs/.`));
    }, ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
