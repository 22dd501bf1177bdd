import { limits, mostItems } from './spec-limits.js';
import { absent, fieldsOf, numberOf, optionalNumber, refuse } from './spec-fields.js';
import type { EmbeddingSpec } from './model-spec.js';
import type { SpecContext } from './spec-validation.js';
import type { Fields } from './spec-fields.js';

const fields = ['feature', 'columns', 'vocabulary', 'dimension', 'l2'];

/** The embeddings of a specification, with the input columns that a feature's name stands for. */
export function embeddingsOf(value: unknown, context: SpecContext): EmbeddingSpec[] {
  if (absent(value)) return [];
  if (!Array.isArray(value) || value.length > mostItems.embeddings)
    return refuse('embeddings', `must be a list of up to ${mostItems.embeddings} embeddings`);
  const taken = new Map<number, number>();
  return value.map((given, i) => {
    const embedding = embeddingOf(given, `embeddings[${i}]`, context);
    for (let column = embedding.columns[0]; column < embedding.columns[1]; column += 1) {
      const other = taken.get(column);
      if (other !== undefined)
        refuse(`embeddings[${i}].columns`, `hold column ${column}, which embeddings[${other}] takes already`);
      taken.set(column, i);
    }
    return embedding;
  });
}

function embeddingOf(value: unknown, field: string, context: SpecContext): EmbeddingSpec {
  const given = fieldsOf(value, field, fields);
  const dimension = absent(given['dimension'])
    ? refuse(`${field}.dimension`, 'is missing')
    : numberOf(given['dimension'], `${field}.dimension`, 1, limits.dimension);
  const rest = { dimension, ...optionalNumber(given, 'l2', `${field}.l2`, limits.penalty) };
  const vocabulary = optionalNumber(given, 'vocabulary', `${field}.vocabulary`, limits.vocabulary);
  const named = namedFeature(given, field, context);
  if (named !== undefined) return { ...named, ...rest };
  const columns = columnsOf(given['columns'], `${field}.columns`, context.inputs);
  if (vocabulary.vocabulary !== undefined && columns[1] - columns[0] !== 1)
    refuse(`${field}.columns`, 'must be one column where a vocabulary says that it holds codes');
  const feature = typeof given['feature'] === 'string' ? { feature: given['feature'] } : {};
  return { ...feature, columns, ...vocabulary, ...rest };
}

/** Where the data knows the feature, it decides the columns: they differ from fold to fold. */
function namedFeature(
  given: Fields,
  field: string,
  { features }: SpecContext,
): Pick<EmbeddingSpec, 'feature' | 'columns' | 'vocabulary'> | undefined {
  const { feature } = given;
  if (absent(feature)) return undefined;
  if (typeof feature !== 'string') return refuse(`${field}.feature`, 'must be the name of a column');
  if (features === undefined) {
    if (absent(given['columns']))
      refuse(`${field}.columns`, 'is missing: the features of the data have no names here');
    return undefined;
  }
  const found = features.find(({ name }) => name === feature);
  if (found === undefined) {
    const names = features.filter((one) => one.categorical).map(({ name }) => name);
    return refuse(
      `${field}.feature`,
      `is ${JSON.stringify(feature)}, which is no feature of this data`,
      `Categorical features are: ${names.join(', ') || 'none'}.`,
    );
  }
  if (!found.categorical)
    refuse(`${field}.feature`, `is ${feature}, which is numeric: embeddings are of categories`);
  // They are those of the data at hand, whatever a specification for other data had.
  if (!absent(given['columns'])) columnsOf(given['columns'], `${field}.columns`, Infinity);
  if (found.to === found.from) refuse(`${field}.feature`, `is ${feature}, which has no value in these rows`);
  const codes = found.vocabulary === undefined ? {} : { vocabulary: found.vocabulary };
  return { feature, columns: [found.from, found.to], ...codes };
}

function columnsOf(value: unknown, field: string, inputs: number): [number, number] {
  if (absent(value)) refuse(field, 'is missing');
  const given: unknown = typeof value === 'number' ? [value, value + 1] : value;
  const whole = (one: unknown): one is number => Number.isInteger(one);
  if (Array.isArray(given) && given.length === 2) {
    const [from, to] = given as unknown[];
    if (whole(from) && whole(to) && from >= 0 && to > from && to <= inputs) return [from, to];
  }
  return refuse(
    field,
    `must be a column or [first, one after the last] within 0 to ${inputs}, not ${JSON.stringify(value)}`,
  );
}
