import { errorCodes, isErrorCode } from '@rookery/contracts';

/** Something that must not have happened. */
export interface Failure {
  readonly target: string;
  readonly what: string;
  /** The smallest input that was found to do it. */
  readonly input: string;
}

/** Why this outcome of an input is none that a stranger's mistake may have; undefined where it is. */
export function faultOfCode(code: string): string | undefined {
  if (code === 'ok') return undefined;
  if (!isErrorCode(code)) return `${code} is no code of the table`;
  // A damaged artifact is told as such; anything else that calls itself a defect is one.
  if (errorCodes[code].grpc === 'INTERNAL') return `${code}: a defect, or an error that nobody gave a code`;
  return undefined;
}

/** The code of an error of Rookery; throws any other error on. */
export function codeOf(error: unknown): string {
  const { code } = error as { code?: unknown };
  if (error instanceof Error && typeof code === 'string' && isErrorCode(code)) return code;
  throw error;
}
