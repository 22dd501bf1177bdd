import { RookeryError } from '@rookery/contracts';

/** Exit codes of the command line. */
export const exitCodes = { failed: 1, unavailable: 69 } as const;

/** Writes what happened and what to do next to stderr; returns the exit code. */
export function reportFailure(error: unknown): number {
  if (error instanceof RookeryError) {
    console.error(`${error.code}: ${error.message}`);
    console.error(error.hint);
    return error.code === 'RK_BUS_UNAVAILABLE' ? exitCodes.unavailable : exitCodes.failed;
  }
  const code = (error as { code?: unknown }).code;
  const message = error instanceof Error ? error.message : String(error);
  // gRPC UNAVAILABLE: nothing listens there.
  if (code === 14) {
    console.error(`Rookery can not be reached: ${message}`);
    console.error('Start it with npm start (or rookery up), and look with rookery doctor.');
    return exitCodes.unavailable;
  }
  console.error(message);
  return exitCodes.failed;
}
