import type { ColumnPipeline, ColumnSelection } from '../preprocess/column-transformer.js';
import { invalidField, objectAt, oneOf, readStep } from './step-options.js';
import { readPlan } from './recipe.js';
import type { ColumnPlan } from './recipe.js';

/** Columns that code of a user makes numbers of, before everything else. */
export interface PluginStepSpec {
  readonly plugin: unknown;
  /** Its numbers are columns with this before their names. */
  readonly name: string;
  readonly columns: readonly string[];
  /** Whether the columns are features by themselves too. */
  readonly keep: boolean;
  readonly options: unknown;
}

/** How columns become features, by type and by name. */
export interface ShortPreprocessing {
  readonly form: 'short';
  readonly plugins?: readonly PluginStepSpec[];
  readonly numeric: ColumnPlan;
  readonly categorical: ColumnPlan;
  /** Default: as categorical columns. */
  readonly boolean?: ColumnPlan;
  readonly columns: Readonly<Record<string, ColumnPlan>>;
}

/** How columns become features, as a ColumnTransformer. */
export interface FullPreprocessing {
  readonly form: 'full';
  readonly plugins?: readonly PluginStepSpec[];
  readonly transformers: readonly {
    readonly name: string;
    readonly columns: ColumnSelection;
    readonly steps: ColumnPipeline;
  }[];
  readonly remainder: ColumnPipeline;
  readonly verboseFeatureNamesOut: boolean;
}

/** What a request's `preprocessing` says. */
export type PreprocessingSpec = ShortPreprocessing | FullPreprocessing;

/** Most transformers and named columns: more are a mistake. */
const MOST_PARTS = 10_000;
/** Each has a process of its own where the model is served. */
const MOST_PLUGINS = 8;

/**
 * Reads `preprocessing` of a request. Short: `numeric`, `categorical`, `boolean` and `columns` (by name), each a recipe, a
 * list of steps, "passthrough" or "drop". In full: `transformers` and `remainder` as scikit-learn's ColumnTransformer. Both with
 * `plugins`, whose numbers are columns as those of the table are.
 * Undefined where it is absent or empty. Throws RK_PREPROCESSING_INVALID naming the field.
 */
export function readPreprocessing(value: unknown): PreprocessingSpec | undefined {
  if (value === undefined || value === null) return undefined;
  const field = 'preprocessing';
  const { plugins, ...given } = objectAt(value, field);
  if (plugins !== undefined && plugins !== null) {
    const read = readPluginSteps(plugins, `${field}.plugins`);
    const rest = readPreprocessing(given) ?? { form: 'short', numeric: {}, categorical: {}, columns: {} };
    return { ...rest, plugins: read };
  }
  const names = Object.keys(given);
  if (names.length === 0) return undefined;
  const full = ['transformers', 'remainder', 'verboseFeatureNamesOut'];
  const short = ['numeric', 'categorical', 'boolean', 'columns'];
  const unknown = names.find((name) => !full.includes(name) && !short.includes(name));
  if (unknown !== undefined) {
    throw invalidField(
      `${field}.${unknown}`,
      given[unknown],
      `is unknown; there are ${[...short, ...full, 'plugins'].join(', ')}`,
    );
  }
  if (!names.some((name) => full.includes(name))) return readShort(given, field);
  const mixed = names.find((name) => short.includes(name));
  if (mixed !== undefined)
    throw invalidField(
      `${field}.${mixed}`,
      given[mixed],
      'can not stand beside transformers; select these columns there',
    );
  return readFull(given, field);
}

const stepName = /^[A-Za-z][A-Za-z0-9_-]{0,39}$/;

function readPluginSteps(value: unknown, field: string): PluginStepSpec[] {
  if (!Array.isArray(value) || value.length > MOST_PLUGINS)
    throw invalidField(field, value, `must be a list of at most ${MOST_PLUGINS} steps of plug-ins`);
  const known = ['plugin', 'columns', 'options', 'name', 'keep'];
  const seen = new Set<string>();
  return value.map((item, i) => {
    const at = `${field}[${i}]`;
    const step = objectAt(item, at);
    const extra = Object.keys(step).find((name) => !known.includes(name));
    if (extra !== undefined)
      throw invalidField(`${at}.${extra}`, step[extra], `is unknown; there are ${known.join(', ')}`);
    const { plugin, columns, keep = false, options = {} } = step;
    const named: unknown = (plugin as { name?: unknown } | null | undefined)?.name ?? plugin;
    if (typeof named !== 'string' || named === '')
      throw invalidField(`${at}.plugin`, plugin, 'must be the name of a plug-in');
    if (!Array.isArray(columns) || columns.length === 0 || columns.some((name) => typeof name !== 'string'))
      throw invalidField(`${at}.columns`, columns, 'must be a list of names of columns');
    if (typeof keep !== 'boolean') throw invalidField(`${at}.keep`, keep, 'must be true or false');
    const name = step['name'] ?? `plugin${i + 1}`;
    if (typeof name !== 'string' || !stepName.test(name) || name.includes('__') || seen.has(name))
      throw invalidField(`${at}.name`, name, 'must be a name of its own: letters, digits, - and no double _');
    seen.add(name);
    return { plugin, name, columns: columns as string[], keep, options };
  });
}

function readShort(given: Record<string, unknown>, field: string): ShortPreprocessing {
  const plan = (name: string): ColumnPlan =>
    given[name] === undefined ? {} : readPlan(given[name], `${field}.${name}`);
  const columns = given['columns'] === undefined ? {} : objectAt(given['columns'], `${field}.columns`);
  const entries = Object.entries(columns);
  if (entries.length > MOST_PARTS)
    throw invalidField(`${field}.columns`, entries.length, `names more than ${MOST_PARTS} columns`);
  return {
    form: 'short',
    numeric: plan('numeric'),
    categorical: plan('categorical'),
    ...(given['boolean'] === undefined ? {} : { boolean: plan('boolean') }),
    columns: Object.fromEntries(
      entries.map(([name, value]) => [name, readPlan(value, `${field}.columns.${name}`)]),
    ),
  };
}

function readFull(given: Record<string, unknown>, field: string): FullPreprocessing {
  const transformers = given['transformers'] ?? [];
  if (!Array.isArray(transformers) || transformers.length > MOST_PARTS)
    throw invalidField(`${field}.transformers`, transformers, 'must be a list of transformers');
  const seen = new Set(['remainder']);
  const read = transformers.map((value, i) => {
    const at = `${field}.transformers[${i}]`;
    const transformer = objectAt(value, at);
    const extra = Object.keys(transformer).find((name) => !['name', 'columns', 'steps'].includes(name));
    if (extra !== undefined)
      throw invalidField(`${at}.${extra}`, transformer[extra], 'is unknown; there are name, columns, steps');
    const name = transformer['name'];
    if (typeof name !== 'string' || name === '' || name.includes('__') || seen.has(name)) {
      throw invalidField(`${at}.name`, name, 'must be a name of its own without "__", and not remainder');
    }
    seen.add(name);
    return {
      name,
      columns: readSelection(transformer['columns'], `${at}.columns`),
      steps: readPipeline(transformer['steps'], `${at}.steps`),
    };
  });
  const verbose = given['verboseFeatureNamesOut'] ?? true;
  if (typeof verbose !== 'boolean')
    throw invalidField(`${field}.verboseFeatureNamesOut`, verbose, 'must be true or false');
  return {
    form: 'full',
    transformers: read,
    remainder:
      given['remainder'] === undefined ? 'drop' : readPipeline(given['remainder'], `${field}.remainder`),
    verboseFeatureNamesOut: verbose,
  };
}

function readPipeline(value: unknown, field: string): ColumnPipeline {
  if (value === 'passthrough' || value === 'drop') return value;
  if (!Array.isArray(value)) throw invalidField(field, value, 'must be a list of steps, passthrough or drop');
  return value.map((step, i) => readStep(step, `${field}[${i}]`));
}

function readSelection(value: unknown, field: string): ColumnSelection {
  if (Array.isArray(value)) {
    value.forEach((name, i) => {
      if (typeof name !== 'string')
        throw invalidField(`${field}[${i}]`, name, 'must be the name of a column');
    });
    return value as string[];
  }
  const selection = objectAt(value, field);
  for (const [name, given] of Object.entries(selection)) {
    const at = `${field}.${name}`;
    if (name === 'types' || name === 'excludeTypes') {
      if (!Array.isArray(given)) throw invalidField(at, given, 'must be a list of column types');
      given.forEach((type) => oneOf('numeric', 'categorical', 'boolean')(type, at));
    } else if (name === 'pattern') checkPattern(given, at);
    else throw invalidField(at, given, 'is unknown; there are types, excludeTypes, pattern');
  }
  return selection;
}

function checkPattern(value: unknown, field: string): void {
  if (typeof value !== 'string') throw invalidField(field, value, 'must be a regular expression');
  try {
    new RegExp(value, 'u');
  } catch (error) {
    throw invalidField(field, value, `is no regular expression (${(error as Error).message})`);
  }
}
