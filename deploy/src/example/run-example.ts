import { pathToFileURL } from 'node:url';

import { ProgressView } from '@rookery/cli/progress';
import type { ViewStream } from '@rookery/cli/progress';
import { RookeryClient, addressesFromEnvironment, rowFromProto } from '@rookery/client';
import { events } from '@rookery/contracts';
import type { MetricSummary } from '@rookery/proto/rookery/domain/v1/data';

import { exampleFile } from './example-file.js';
import type { Example } from './read-example.js';
import { readScores, scoreTable } from './scores.js';

/** Where an example runs. */
export interface ExampleWorld {
  readonly natsUrl: string;
  readonly addresses: Readonly<Record<string, string>>;
  readonly root: string;
  readonly stream: ViewStream;
}

/** What an example ends with; its --json form. */
export interface ExampleResult {
  readonly example: string;
  readonly runId: string;
  readonly model: string;
  readonly version: number;
  readonly publishedToServingMs: number;
  readonly metrics: Readonly<Record<string, MetricSummary>>;
  readonly answer: { readonly label: string | undefined; readonly value: number | undefined };
}

/**
 * Publishes an example (its table is made first where it has no file), shows the run live, asks the served model once, and
 * prints its scores beside those of Keras and scikit-learn on the same folds. Undefined, after saying why, where no model
 * came to be served.
 */
export async function runExample(example: Example, world: ExampleWorld): Promise<ExampleResult | undefined> {
  const { stream } = world;
  const say = (text: string): unknown => stream.write(`${text}\n`);
  const file = await exampleFile(example, world.root, say);
  const addresses = { ...addressesFromEnvironment(process.env), ...world.addresses, nats: world.natsUrl };
  const client = new RookeryClient({ addresses, name: 'example' });
  try {
    const json = { ...example.request, uri: pathToFileURL(file).href };
    say(`Publishing ml.dataset.ready ${JSON.stringify(json)}`);
    const request = events.datasetReady.message.fromJSON(events.datasetReady.prepare?.(json) ?? json);
    const view = new ProgressView(stream);
    const published = await client.publish(request, view.onStep);
    const outcome = await published.outcome;
    await published.stop();
    if (outcome.state !== 'serving') {
      say(`No model is served: ${JSON.stringify(outcome)}`);
      return undefined;
    }
    const { swapped } = outcome;
    const version = await client.modelVersion(swapped.model, swapped.version);
    const [answer] = await client.predict(version.model, [rowFromProto(version.inputExample)]);
    if (answer === undefined) {
      say('The model gave no answer');
      return undefined;
    }
    const { classes = [], labelThresholds = [] } = version.signature ?? {};
    if (labelThresholds.length > 0)
      say(
        `labels above: ${classes.map((label, k) => `${label} ${labelThresholds[k]!.toFixed(4)}`).join(', ')}`,
      );
    say(`predicted ${answer.label ?? answer.value} for the example row, by version ${answer.version}\n`);
    say(scoreTable(version.metrics, readScores(world.root, example.name)));
    return {
      example: example.name,
      runId: outcome.runId,
      model: version.model,
      version: version.version,
      publishedToServingMs: Math.round(swapped.publishedToServingMs),
      metrics: version.metrics,
      answer: { label: answer.label, value: answer.value },
    };
  } finally {
    await client.close();
  }
}
