import { setImmediate as nextTurn } from 'node:timers/promises';

import type { Tracer } from '@opentelemetry/api';
import type { ArtifactStore } from '@rookery/artifacts';
import { isErrorCode, taskFromProto, TerminalError, thresholdOf } from '@rookery/contracts';
import type { BackendRequest } from '@rookery/nn';
import type { OpenStep, Plugins } from '@rookery/plugin';
import { ModelPackage } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import type { Row } from '@rookery/proto/rookery/domain/v1/data';
import { compileRowTransformer, pluginStepsOf, TabularError } from '@rookery/tabular';
import type { FittedTransformer, RowTransformer, TargetEncoder } from '@rookery/tabular';

import { goldenMismatch } from '../domain/golden-check.js';
import type { LoadedModel, MadeCells } from '../domain/loaded-model.js';
import type { Promotion } from '../domain/promotion.js';
import { createCellSource } from './cell-source.js';
import { createPredictorBuilder } from './model-predictor.js';
import type { ModelPredictor } from './model-predictor.js';
import { inStepSpan } from './swap-span.js';

/** Batch sizes that are run once before a version serves: those that calls and micro-batches come in. */
const warmUpSizes = [1, 8, 64, 256, 1024];
/** Single rows that are run as well, so that the loops are compiled by V8 before the first call. */
const warmUpSingles = 200;

/** What the loader works with. */
export interface PackageLoaderParts {
  readonly artifacts: Pick<ArtifactStore, 'get'>;
  readonly backend: BackendRequest;
  readonly plugins: Pick<Plugins, 'open' | 'openStep'>;
  readonly clock: () => number;
  readonly tracer: Tracer;
}

/**
 * A function that fetches a model package (checksum verified), builds its transformer and predictor, warms it up and
 * checks its golden predictions. The event loop is given back between the steps; the longest of them (weights to
 * network) takes about a millisecond for each 0.2 million parameters. Rejects with RK_ARTIFACT_*, RK_MODEL_CORRUPT,
 * RK_MODEL_WARMUP, RK_BACKEND_UNAVAILABLE or RK_PLUGIN_*, and holds no tensors and no process then.
 */
export function createPackageLoader(
  parts: PackageLoaderParts,
): (promotion: Promotion) => Promise<LoadedModel> {
  const build = createPredictorBuilder(parts.backend, parts.plugins);

  return async (promotion) => {
    const startedAt = performance.now();
    const bytes = await inStepSpan(parts.tracer, 'fetch model package', () =>
      parts.artifacts.get(promotion.package.sha256),
    );
    await nextTurn();
    const contents = readPackage(bytes, promotion);
    await nextTurn();
    const predictor = await inStepSpan(parts.tracer, 'build model', () =>
      build(contents.trained, {
        model: `${promotion.model} v${promotion.version}`,
        classes: contents.signature.classes,
        features: contents.transformer.featureNames,
      }),
    ).catch((error: unknown) => {
      throw asCorrupt(error);
    });
    let steps: OpenStep[] = [];
    const release = (): void => {
      predictor.dispose();
      for (const step of steps) void step.close();
    };
    try {
      steps = await openSteps(parts.plugins, contents.transformer, promotion);
      const serving = servingParts(contents, predictor, steps);
      const loadMs = performance.now() - startedAt;
      const warmUpAt = performance.now();
      await inStepSpan(parts.tracer, 'warm up model', () =>
        warmUp(contents.pack, serving, predictor.engine === 'plugin'),
      );
      return {
        ...serving,
        name: promotion.model,
        version: promotion.version,
        aliasRevision: promotion.aliasRevision,
        runId: promotion.runId,
        signature: contents.signature,
        inputExample: contents.pack.inputExample,
        engine: predictor.engine,
        backend: predictor.backend,
        tensorsHeld: predictor.tensorsHeld,
        dispose: release,
        loadMs,
        warmupMs: performance.now() - warmUpAt,
        loadedAtMs: parts.clock(),
        predictions: 0,
      };
    } catch (error) {
      release();
      throw asCorrupt(error);
    }
  };
}

/**
 * What goes wrong in building and running a model comes of its package: where a library only stumbles over it, the error
 * has no code, and trying the same bytes again would not help.
 */
function asCorrupt(error: unknown): unknown {
  const { code } = error as { code?: unknown };
  if (!(error instanceof Error) || (typeof code === 'string' && isErrorCode(code))) return error;
  return corrupt(`it can not be used (${error.message.slice(0, 200)})`, error);
}

interface PackageContents {
  readonly pack: ModelPackage;
  readonly signature: NonNullable<ModelPackage['signature']>;
  readonly trained: NonNullable<ModelPackage['trained']>;
  readonly transformer: FittedTransformer;
  readonly target: TargetEncoder;
}

function readPackage(bytes: Uint8Array, promotion: Promotion): PackageContents {
  let pack: ModelPackage;
  try {
    pack = ModelPackage.decode(bytes);
  } catch (error) {
    throw corrupt(`it is not a model package: ${(error as Error).message}`, error);
  }
  if (pack.model !== promotion.model) {
    throw corrupt(
      `it belongs to the model ${JSON.stringify(pack.model)}, not to ${JSON.stringify(promotion.model)}`,
    );
  }
  if (pack.trained === undefined) throw corrupt('it has no trained model');
  if (pack.signature === undefined) throw corrupt('it has no signature');
  return {
    pack,
    signature: pack.signature,
    trained: pack.trained,
    transformer: parseJson<FittedTransformer>(pack.transformerJson, 'transformer'),
    target: parseJson<TargetEncoder>(pack.targetJson, 'target encoder'),
  };
}

type ServingParts = Pick<
  LoadedModel,
  | 'regression'
  | 'classes'
  | 'labelSets'
  | 'features'
  | 'inputs'
  | 'outputs'
  | 'transform'
  | 'prepare'
  | 'forward'
  | 'toTargetUnit'
>;

function servingParts(
  contents: PackageContents,
  predictor: ModelPredictor,
  steps: readonly OpenStep[],
): ServingParts {
  const { signature, transformer, target } = contents;
  const transformRow = compiledTransformer(transformer);
  const cells = createCellSource(signature, transformer, transformRow.inputs, steps);
  const task = taskFromProto(signature.task);
  const regression = task === 'regression';
  const { inputs, outputs } = predictor;
  if (transformRow.width !== inputs) {
    throw corrupt(`its transformer gives ${transformRow.width} features where its network takes ${inputs}`);
  }
  const wanted = regression ? 1 : signature.classes.length;
  if (outputs !== wanted)
    throw corrupt(`its network gives ${outputs} outputs where its signature has ${wanted}`);

  let answers = new Float32Array(outputs * 256);
  const { mean = 0, scale = 1 } = target;
  return {
    regression,
    classes: [...signature.classes],
    labelSets:
      task === 'multilabel'
        ? { threshold: thresholdOf(signature), separator: signature.labelSeparator }
        : undefined,
    features: signature.features.map((feature) => feature.name),
    inputs,
    outputs,
    transform(rows, from, to, out, made) {
      for (let i = from, at = 0; i < to; i += 1, at += inputs) {
        cells.read(rows[i]!, i, i - from, made);
        try {
          transformRow(cells.at, out, at);
        } catch (error) {
          throw refusedFeature(error, i);
        }
      }
    },
    ...(cells.prepare === undefined ? {} : { prepare: cells.prepare }),
    forward(features, rows) {
      if (answers.length < rows * outputs) answers = new Float32Array(rows * outputs);
      return predictor.forward(features, rows, answers);
    },
    toTargetUnit: (output) => output * scale + mean,
  };
}

/** RK_FEATURE_REFUSED, with row, feature and value, for a cell that the preprocessing refuses. */
function refusedFeature(error: unknown, row: number): unknown {
  if (!(error instanceof TabularError) || error.code !== 'RK_TABULAR_CELL_INVALID') return error;
  const { column = '', value = '' } = error.details;
  return new TerminalError('RK_FEATURE_REFUSED', `Row ${row}: ${error.message}`, {
    details: { row: String(row), feature: column.slice(0, 80), value },
  });
}

/** Runs the version at the batch sizes in use and compares it with its golden predictions; RK_MODEL_WARMUP. */
async function warmUp(pack: ModelPackage, serving: ServingParts, plugin: boolean): Promise<void> {
  const { inputs, outputs } = serving;
  const golden = pack.golden.filter((one): one is typeof one & { row: Row } => one.row !== undefined);
  const examples = golden.map((one) => one.row);
  if (examples.length === 0 && pack.inputExample !== undefined) examples.push(pack.inputExample);
  if (examples.length === 0)
    throw warmUpFailed('the package has neither golden predictions nor an input example');

  for (const size of warmUpSizes) {
    const rows = Array.from({ length: size }, (_, i) => examples[i % examples.length]!);
    const features = new Float32Array(size * inputs);
    const made = await preparedCells(serving, rows, 0, size);
    tryRun(() => serving.transform(rows, 0, size, features, made));
    const answers = await serving.forward(features, size);
    for (let i = 0; i < size * outputs; i += 1) {
      if (!Number.isFinite(answers[i]!))
        throw warmUpFailed(`output ${i % outputs} for an example row is ${answers[i]!}`);
    }
    await nextTurn();
  }
  const single = new Float32Array(inputs);
  // A plug-in is warm after the batches; each row of its own would be a call to another process.
  const singles = plugin || serving.prepare !== undefined ? 0 : warmUpSingles;
  for (let i = 0; i < singles; i += 1) {
    serving.transform(examples, i % examples.length, (i % examples.length) + 1, single);
    await serving.forward(single, 1);
  }
  await nextTurn();
  for (const [i, { outputs: expected }] of golden.entries()) {
    serving.transform(examples, i, i + 1, single, await preparedCells(serving, examples, i, i + 1));
    const answer = await serving.forward(single, 1);
    const mismatch = goldenMismatch(answer.subarray(0, outputs), expected, i);
    if (mismatch !== undefined) throw warmUpFailed(mismatch);
  }
}

/** What plug-ins make of example rows; RK_MODEL_WARMUP where a row is refused. */
async function preparedCells(
  serving: ServingParts,
  rows: readonly Row[],
  from: number,
  to: number,
): Promise<MadeCells | undefined> {
  try {
    return await serving.prepare?.(rows, from, to);
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    if (typeof code === 'string' && code.startsWith('RK_PLUGIN_')) throw error;
    throw warmUpFailed(`an example row is refused: ${(error as Error).message}`);
  }
}

/** The plug-ins of a transformer, each running; none is left where one can't be opened. */
async function openSteps(
  plugins: Pick<Plugins, 'openStep'>,
  transformer: FittedTransformer,
  { model, version }: Promotion,
): Promise<OpenStep[]> {
  const open: OpenStep[] = [];
  try {
    for (const step of pluginStepsOf(transformer))
      open.push(await plugins.openStep(step, `features of ${model} v${version}`));
    return open;
  } catch (error) {
    for (const step of open) void step.close();
    throw error;
  }
}

function tryRun(run: () => void): void {
  try {
    run();
  } catch (error) {
    throw warmUpFailed(`an example row is refused: ${(error as Error).message}`);
  }
}

function compiledTransformer(transformer: FittedTransformer): RowTransformer {
  try {
    return compileRowTransformer(transformer);
  } catch (error) {
    throw corrupt(`its transformer can not be used: ${(error as Error).message}`, error);
  }
}

function parseJson<T>(text: string, what: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    throw corrupt(`its ${what} is not JSON`, error);
  }
}

function corrupt(why: string, cause?: unknown): TerminalError {
  return new TerminalError('RK_MODEL_CORRUPT', `The model package can not be served: ${why}.`, { cause });
}

function warmUpFailed(why: string): TerminalError {
  return new TerminalError('RK_MODEL_WARMUP', `The model failed its warm-up: ${why}.`);
}
