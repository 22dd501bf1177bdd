/** Codes thrown by this library. */
export type TabularErrorCode =
  | 'RK_TABULAR_COLUMN_MISSING'
  | 'RK_TABULAR_CELL_INVALID'
  | 'RK_TABULAR_COLUMN_TYPE'
  | 'RK_TABULAR_TARGET_INVALID'
  | 'RK_TABULAR_FOLDS_INVALID'
  | 'RK_TABULAR_ARROW_INVALID'
  | 'RK_TABULAR_ARGUMENT_INVALID'
  | 'RK_PREPROCESSING_INVALID'
  | 'RK_SPLIT_INVALID';

/**
 * The one error of this library: a wrong argument or data that cannot be used at all. `code` is stable,
 * `details` names what was wrong (column, row, value), the message says what to do next.
 */
export class TabularError extends Error {
  readonly code: TabularErrorCode;
  readonly details: Record<string, string>;

  constructor(code: TabularErrorCode, message: string, details: Record<string, string> = {}) {
    super(message);
    this.name = 'TabularError';
    this.code = code;
    this.details = details;
  }
}
