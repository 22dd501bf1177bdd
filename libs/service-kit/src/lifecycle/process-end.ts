import type { Logger } from '@rookery/telemetry';
import { exitCodes } from './exit-codes.js';

/** What {@link watchProcess} is told. */
export interface ProcessWatch {
  logger: Logger;
  /** Watch the parent by its process id too, for parents without an IPC channel. */
  stopOnParentExit: boolean;
  /** Begin to stop. */
  stop(reason: string, exitCode: number): void;
}

const parentCheckMs = 500;

/**
 * Ends the service for what happens to its process: SIGTERM and SIGINT stop it in order (a second one ends it at once,
 * exit code 130 or 143); the death of the parent stops it (its IPC channel closes, or with `stopOnParentExit` it has
 * another parent); an uncaught exception or unhandled rejection is logged and ends it with exit code 70, after a stop in
 * order. Returns a function that stops watching.
 */
export function watchProcess(watch: ProcessWatch): () => void {
  let stopping = false;
  const stop = (reason: string, exitCode: number): void => {
    stopping = true;
    watch.stop(reason, exitCode);
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stopping) {
      watch.logger.warn({ signal }, 'second signal: ending at once');
      process.exit(signal === 'SIGINT' ? 130 : 143);
    }
    stop(signal, exitCodes.ok);
  };
  const onFault = (error: unknown, origin: string): void => {
    watch.logger.fatal(
      { err: error instanceof Error ? error : new Error(String(error)), origin },
      'unforeseen error: the service ends',
    );
    if (stopping) process.exit(exitCodes.software);
    stop(origin, exitCodes.software);
  };
  const onRejection = (error: unknown): void => onFault(error, 'unhandledRejection');
  const onParentGone = (): void => {
    if (!stopping) stop('parent process has gone', exitCodes.ok);
  };

  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  process.on('uncaughtException', onFault);
  process.on('unhandledRejection', onRejection);
  if (process.connected) {
    process.on('disconnect', onParentGone);
    // The channel is watched, not waited for: alone it must not keep the process alive.
    process.channel?.unref();
  }
  const parent = process.ppid;
  const timer = watch.stopOnParentExit
    ? setInterval(() => {
        if (process.ppid !== parent) onParentGone();
      }, parentCheckMs).unref()
    : undefined;

  return () => {
    process.off('SIGTERM', onSignal);
    process.off('SIGINT', onSignal);
    process.off('uncaughtException', onFault);
    process.off('unhandledRejection', onRejection);
    process.off('disconnect', onParentGone);
    clearInterval(timer);
  };
}
