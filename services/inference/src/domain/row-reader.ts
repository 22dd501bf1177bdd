import { columnTypeFromProto, TerminalError } from '@rookery/contracts';
import type { ColumnTypeName, ErrorCode } from '@rookery/contracts';
import type { Row, Signature, Value } from '@rookery/proto/rookery/domain/v1/data';

/** One cell as the transformer takes it; null where it is missing. */
export type Cell = number | string | boolean | null;

/** Checks a row against the signature and gives its cells. */
export interface RowReader {
  /**
   * Cells of the row in the order of `inputs`, in an array that the next call reuses. Throws, naming row and
   * feature, RK_FEATURE_MISSING, RK_FEATURE_UNKNOWN, RK_FEATURE_TYPE or RK_FEATURE_NOT_FINITE.
   */
  read(row: Row, index: number): readonly Cell[];
}

interface InputFeature {
  readonly name: string;
  readonly type: ColumnTypeName;
  /** The name is a property of every object: only an own property is a value. */
  readonly shadowed: boolean;
}

/**
 * A reader of rows with the features of the signature, each once; `inputs` (default: the order of the signature) must
 * be the same names in the order in which the cells are wanted. A value without a kind is a missing cell; categories
 * are not checked, since an unknown one is the transformer's business.
 */
export function createRowReader(signature: Signature, inputs?: readonly string[]): RowReader {
  const types = new Map(
    signature.features.map((feature) => [feature.name, columnTypeFromProto(feature.type)]),
  );
  const features = (inputs ?? [...types.keys()]).map((name): InputFeature => {
    const type = types.get(name);
    if (type === undefined || type === 'text') {
      throw new TerminalError(
        'RK_MODEL_CORRUPT',
        `The signature has no usable type for the input ${JSON.stringify(name)}.`,
        {
          details: { feature: name },
        },
      );
    }
    return { name, type, shadowed: name in Object.prototype };
  });
  if (features.length !== types.size) {
    throw new TerminalError(
      'RK_MODEL_CORRUPT',
      `The signature has ${types.size} features, the transformer takes ${features.length}.`,
    );
  }
  const cells: Cell[] = new Array<Cell>(features.length).fill(null);

  return {
    read(row, index) {
      const { values } = row;
      for (let i = 0; i < features.length; i += 1) {
        const feature = features[i]!;
        const value: Value | undefined = values[feature.name];
        if (value === undefined || (feature.shadowed && !Object.hasOwn(values, feature.name))) {
          throw refusal(
            'RK_FEATURE_MISSING',
            `Row ${index} lacks the feature ${quote(feature.name)}.`,
            index,
            feature.name,
          );
        }
        cells[i] = cellOf(value, feature, index);
      }
      let count = 0;
      for (const _ in values) count += 1;
      // A key `__proto__` would change the object's prototype instead of being one of its keys.
      if (count !== features.length || Object.getPrototypeOf(values) !== Object.prototype) {
        const extra = Object.keys(values).find((name) => !types.has(name)) ?? '__proto__';
        throw refusal(
          'RK_FEATURE_UNKNOWN',
          `Row ${index} has the feature ${quote(extra)}, which the model does not know; it knows: ${[...types.keys()].join(', ')}.`,
          index,
          extra,
        );
      }
      return cells;
    },
  };
}

function cellOf(value: Value, feature: InputFeature, row: number): Cell {
  const { kind } = value;
  if (kind === undefined) return null;
  if (feature.type === 'numeric') {
    if (kind.$case !== 'number') throw wrongType(feature, row, 'a number', kind.$case);
    if (!Number.isFinite(kind.value)) {
      throw refusal(
        'RK_FEATURE_NOT_FINITE',
        `Row ${row}: the feature ${quote(feature.name)} is ${kind.value}, not a finite number.`,
        row,
        feature.name,
      );
    }
    return kind.value;
  }
  if (feature.type === 'boolean') {
    if (kind.$case === 'flag') return kind.value;
    if (kind.$case === 'text' && (kind.value === 'true' || kind.value === 'false')) return kind.value;
    throw wrongType(feature, row, 'a flag', kind.$case);
  }
  if (kind.$case !== 'text') throw wrongType(feature, row, 'text', kind.$case);
  return kind.value;
}

function wrongType(feature: InputFeature, row: number, wanted: string, got: string): TerminalError {
  return refusal(
    'RK_FEATURE_TYPE',
    `Row ${row}: the feature ${quote(feature.name)} is ${feature.type} and takes ${wanted}, not a ${got}.`,
    row,
    feature.name,
  );
}

function refusal(code: ErrorCode, message: string, row: number, feature: string): TerminalError {
  return new TerminalError(code, message, { details: { row: String(row), feature: shorten(feature) } });
}

function quote(name: string): string {
  return JSON.stringify(shorten(name));
}

function shorten(name: string): string {
  return name.length > 80 ? `${name.slice(0, 80)}…` : name;
}
