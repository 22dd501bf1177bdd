import { existsSync } from 'node:fs';
import { basename, extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import type { DatasetRequest } from '@rookery/client';
import { TerminalError } from '@rookery/contracts';
import { events } from '@rookery/contracts';
import { Command } from 'commander';

import { numberOption } from '../number-option.js';
import { output } from '../output.js';
import { plainOutcome } from '../plain-outcome.js';
import { ProgressView } from '../progress/progress-view.js';
import { exitCodes } from '../report-failure.js';
import { withClient } from '../with-client.js';

interface PublishFlags {
  target?: string;
  targets?: string;
  labelSeparator?: string;
  labelThreshold?: string;
  name?: string;
  model?: string;
  format?: string;
  task?: string;
  folds?: string;
  seed?: string;
  epochs?: string;
  batchSize?: string;
  learningRate?: string;
  metric?: string;
  threshold?: string;
  ignore?: string[];
  columnType?: string[];
  sha256?: string;
  spec?: string;
  search?: string;
  preprocessing?: string;
  split?: string;
  sampleWeight?: string;
  classWeight?: string;
  detach?: boolean;
  json?: boolean;
}

/** `rookery publish <file or uri> --target <column>` (or `--targets <columns>`): publishes a data set and shows the run live. */
export function publishCommand(): Command {
  return new Command('publish')
    .description('Publish a data set and follow its run until the model is served')
    .argument('<source>', 'file, or uri (file://, http(s)://, artifact:, object://)')
    .option('-t, --target <column>', 'column to predict')
    .option('--targets <columns>', 'columns of 0 and 1 to predict, each a label: a,b,c, or a JSON list')
    .option(
      '--label-separator <text>',
      'what stands between the labels in the cells of the target (default |)',
    )
    .option(
      '--label-threshold <p>',
      'probability above which labels are predicted (default 0.5), JSON of some by label, or tuned',
    )
    .option('-n, --name <name>', 'name of the data set (default: the file name)')
    .option('-m, --model <name>', 'name of the model (default: the name of the data set)')
    .option('--format <format>', 'csv, jsonl, parquet or arrow (default: by the ending)')
    .option('--task <task>', 'binary, multiclass, multilabel or regression (default: by the target)')
    .option('-k, --folds <k>', 'folds of the cross-validation (default 5)')
    .option('--seed <seed>', 'seed of folds and weights')
    .option('--epochs <n>', 'epochs (default 50)')
    .option('--batch-size <n>', 'batch size (default 32)')
    .option('--learning-rate <rate>', 'learning rate (default 0.01)')
    .option('--metric <name>', "the gate's metric (default accuracy, f1_micro for multilabel, or rmse)")
    .option('--threshold <value>', 'the mean that the metric must reach (default 0.7 for accuracy)')
    .option('--ignore <columns...>', 'columns to leave out')
    .option(
      '--column-type <name=type...>',
      'types that should not be inferred: numeric, categorical, boolean, text',
    )
    .option('--sha256 <hash>', 'expected sha256 of the file')
    .option('--spec <json>', 'model specification as JSON')
    .option('--search <json>', 'search for the best settings first, as JSON (docs/contracts/search.md)')
    .option(
      '--preprocessing <json>',
      'how columns become features, as JSON (docs/contracts/preprocessing.md)',
    )
    .option('--split <json>', 'how rows are divided, as JSON or a kind: stratified, time_series, hold_out …')
    .option('--sample-weight <column>', 'column with the weight of each row')
    .option('--class-weight <json>', 'balanced, or weights by label as JSON')
    .option('-d, --detach', 'publish only; do not follow the run')
    .option('--json', 'one JSON object on stdout; progress goes to stderr')
    .action(async (source: string, flags: PublishFlags) => {
      const request = requestOf(source, flags);
      await withClient(async (client) => {
        const view = new ProgressView(process.stderr);
        const published = await client.publish(request, flags.detach ? undefined : view.onStep);
        if (flags.detach) {
          output(
            flags.json,
            { eventId: published.eventId, runId: published.runId },
            () => `published ${published.eventId}; run ${published.runId}`,
          );
          await published.stop();
          return;
        }
        const outcome = await published.outcome;
        await published.stop();
        if (flags.json) console.log(JSON.stringify(plainOutcome(outcome)));
        if (outcome.state !== 'serving') process.exitCode = exitCodes.failed;
      });
    });
}

function requestOf(source: string, flags: PublishFlags): DatasetRequest {
  const uri = /^[a-z][a-z0-9+.-]*:/i.test(source) ? source : fileUri(source);
  const file = basename(new URL(uri, 'file:///').pathname);
  const json: Record<string, unknown> = {
    name: flags.name ?? file.slice(0, file.length - extname(file).length).replace(/[^A-Za-z0-9_-]/g, '_'),
    uri,
  };
  const set = (field: string, value: unknown): void => {
    if (value !== undefined) json[field] = value;
  };
  if (flags.target === undefined && flags.targets === undefined) {
    throw new TerminalError(
      'RK_REQUEST_INVALID',
      'There is nothing to predict: neither --target nor --targets',
      {
        details: { field: 'target' },
        hint: 'Name the column to predict by --target, or several columns of 0 and 1 by --targets a,b,c.',
      },
    );
  }
  set('target', flags.target);
  if (flags.targets !== undefined) json['targets'] = columnsOf(flags.targets);
  set('labelSeparator', flags.labelSeparator);
  set('labelThreshold', thresholdOption(flags.labelThreshold));
  set('model', flags.model);
  set('format', flags.format);
  set('task', flags.task);
  set('folds', numberOf('folds', flags.folds));
  set('seed', numberOf('seed', flags.seed));
  set('epochs', numberOf('epochs', flags.epochs));
  set('batchSize', numberOf('batch-size', flags.batchSize));
  set('learningRate', numberOf('learning-rate', flags.learningRate));
  set('ignore', flags.ignore);
  set('sha256', flags.sha256);
  if (flags.metric !== undefined || flags.threshold !== undefined) {
    json['gate'] = { metric: flags.metric ?? '', threshold: numberOf('threshold', flags.threshold) };
  }
  if (flags.columnType) json['columnTypes'] = Object.fromEntries(flags.columnType.map(pairOf));
  if (flags.spec !== undefined) json['modelSpec'] = jsonOf('--spec', flags.spec, 'model-spec');
  const described = 'preprocessing';
  if (flags.preprocessing !== undefined)
    json['preprocessing'] = jsonOf('--preprocessing', flags.preprocessing, described);
  if (flags.split !== undefined)
    json['split'] = flags.split.trimStart().startsWith('{')
      ? jsonOf('--split', flags.split, described)
      : { kind: flags.split };
  set('sampleWeight', flags.sampleWeight);
  if (flags.classWeight !== undefined)
    json['classWeight'] =
      flags.classWeight === 'balanced' ? 'balanced' : jsonOf('--class-weight', flags.classWeight, described);
  if (flags.search !== undefined) json['search'] = jsonOf('--search', flags.search, 'search');
  const prepared = events.datasetReady.prepare?.(json) ?? json;
  return events.datasetReady.message.fromJSON(prepared);
}

function fileUri(path: string): string {
  const full = resolve(path);
  if (!existsSync(full)) {
    throw new TerminalError('RK_DATASET_NOT_FOUND', `There is no file ${full}`, { details: { uri: full } });
  }
  return pathToFileURL(full).href;
}

function numberOf(option: string, text: string | undefined): number | undefined {
  return text === undefined ? undefined : numberOption(`--${option}`, text);
}

function jsonOf(option: string, text: string, page: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new TerminalError('RK_REQUEST_INVALID', `${option} needs JSON: ${(error as Error).message}`, {
      details: { field: option },
      hint: `docs/contracts/${page}.md has examples.`,
    });
  }
}

/** One number, `tuned`, or JSON of label and number. */
function thresholdOption(text: string | undefined): unknown {
  if (text === undefined || text === 'tuned') return text;
  return text.trimStart().startsWith('{')
    ? jsonOf('--label-threshold', text, 'multi-label')
    : numberOf('label-threshold', text);
}

/** Names with commas between them, or, where a name has one itself, a JSON list. */
function columnsOf(text: string): unknown {
  if (text.trimStart().startsWith('[')) return jsonOf('--targets', text, 'multi-label');
  return text.split(',').map((name) => name.trim());
}

function pairOf(text: string): [string, string] {
  const at = text.lastIndexOf('=');
  if (at < 1) throw new TerminalError('RK_REQUEST_INVALID', `--column-type needs name=type; it is ${text}`);
  return [text.slice(0, at), text.slice(at + 1)];
}
